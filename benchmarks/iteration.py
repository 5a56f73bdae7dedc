"""What an iteration's data phase costs on simulated servers, and how much of it was wasted.

    python -m benchmarks.iteration [--prompts 1000] [--servers 1] [--workload A B]
    python -m benchmarks.iteration --compare judgment.votes=3

Generation, judgment and search run as in production: the coordinator divides prompts into shards and dispatches steps,
and the services' own functions execute them; only the models and their clock are simulated. A server decodes at most
256 sequences. A step takes 8 ms plus 0.03 ms per sequence; prefill takes 0.01 ms per token that is not in the prefix
cache (assumptions for an 8B model on an H100). Workload A: half of the responses and refinements are bad,
independently. B: each prompt has its own share of good ones, Beta-distributed with concentration 0.6. Time is
simulated, so the figures do not depend on this machine.

`--compare` runs the same prompts again with these overrides and prints the ratios. If requests were refused or steps
failed, the errors are printed instead of figures and the command exits with 1.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.data_phase.drive import DataPhase, run_data_phase
from benchmarks.data_phase.fleet import Fleet
from benchmarks.data_phase.waste import wasted_tokens
from benchmarks.data_phase.workload import Lengths, Workload
from spar.testing.batching import CostModel

CONCENTRATION = {"A": None, "B": 0.6}


def main() -> None:
    args = _parser().parse_args()
    failed, found = False, []
    for name in args.workload:
        runs = [measure(name, args, args.set)]
        if args.compare:
            runs.append(measure(name, args, [*args.set, *args.compare]))
        for label, run in zip(("", f" with {' '.join(args.compare or ())}"), runs, strict=False):
            print(f"workload {name}{label}: {_head(run)}")
            print(_errors(run) if run["errors"] else _table(run), flush=True)
        failed = failed or any(run["errors"] for run in runs)
        if len(runs) > 1 and not failed:
            print(_comparison(*runs))
        found += runs
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    sys.exit(failed)


def measure(name: str, args: argparse.Namespace, overrides: list[str]) -> dict[str, Any]:
    """The figures of one data phase; `errors` is empty if nothing failed."""
    lengths = Lengths(prompt=args.prompt, response=args.response, judgment=args.judgment, refinement=args.refinement)
    workload = Workload(concentration=CONCENTRATION[name], agreement=args.agreement, lengths=lengths)
    costs = CostModel(
        max_sequences=args.sequences,
        step_base=args.step_base,
        step_per_sequence=args.step_per_sequence,
        prefill_per_token=args.prefill_per_token,
    )
    refusals = {429: args.status_429, 503: args.status_503}
    fleet = Fleet(
        args.servers,
        costs,
        args.cache_tokens,
        {status: share for status, share in refusals.items() if share},
        args.seed,
    )
    began = time.process_time()
    phase = run_data_phase(args.prompts, args.in_flight * args.servers, workload, fleet, args.seed, overrides)
    return {"workload": name, "overrides": overrides, "cpu_s": time.process_time() - began, **_figures(phase)}


def _figures(phase: DataPhase) -> dict[str, Any]:
    fleet, tokens = phase.fleet, phase.fleet.tokens()
    bound = sum(one.engine_s(fleet.costs) for one in tokens.values())
    busy = sum(server.stats.busy_s for server in fleet.servers)
    total = sum(one.completion for one in tokens.values())
    in_trees = sum(one.completion for kind, one in tokens.items() if kind.startswith("tree"))
    waste = wasted_tokens(phase.judged, phase.trees, phase.recipe, in_trees)
    return {
        "steps": {kind: {**asdict(one), "engine_s": one.engine_s(fleet.costs)} for kind, one in tokens.items()},
        "completion": total,
        "engine_s": bound,
        "busy_s": busy,
        "makespan_s": phase.makespan_s,
        "ratio": phase.makespan_s * len(fleet.servers) / bound if bound else 0.0,
        "occupancy": sum(server.stats.occupancy_s for server in fleet.servers) / busy if busy else 0.0,
        "wasted": {cause.value: waste[cause] for cause in waste},
        "pairs": phase.pairs,
        "pairs_sha256": phase.pairs_sha256,
        "examples": phase.examples,
        "outcomes": phase.outcomes,
        "errors": _errors_of(phase),
    }


def _errors_of(phase: DataPhase) -> dict[str, Any]:
    fleet = phase.fleet
    found = {
        **{f"requests refused with {status}": number for status, number in sorted(fleet.refused.items())},
        "requests abandoned": fleet.abandoned,
        **{f"steps failed: {reason}": number for reason, number in phase.failed_steps.items()},
        "ended early": phase.end,
    }
    return {what: number for what, number in found.items() if number}


def _head(run: dict[str, Any]) -> str:
    return (
        f"{run['pairs']} pairs ({run['pairs_sha256'][:12]}), {run['examples']} examples; {run['cpu_s']:.0f} CPU-s here"
    )


def _errors(run: dict[str, Any]) -> str:
    lines = [f"  {what}: {number}" for what, number in run["errors"].items()]
    return "\n".join(["  no figures, because the servers failed:", *lines])


def _table(run: dict[str, Any]) -> str:
    lines = [f"  {'':<13}{'requests':>9}{'prompt':>13}{'cached':>13}{'completion':>13}{'engine-s':>10}"]
    for kind, one in run["steps"].items():
        lines.append(
            f"  {kind:<13}{one['requests']:>9,}{one['prompt']:>13,}{one['cached']:>13,}{one['completion']:>13,}"
            f"{one['engine_s']:>10,.1f}"
        )
    lines.append(
        f"  took {run['makespan_s']:,.1f} s, {run['engine_s']:,.1f} engine-seconds at full occupancy: ratio "
        f"{run['ratio']:.3f}; {run['occupancy']:.0f} sequences running"
    )
    shares = {**run["wasted"], "total": sum(run["wasted"].values())}
    for cause, tokens in shares.items():
        lines.append(f"  {cause:<42}{100 * tokens / run['completion']:5.1f}% of completion tokens")
    return "\n".join(lines)


def _comparison(first: dict[str, Any], second: dict[str, Any]) -> str:
    ratios = [f"{what} {second[what] / first[what]:.3f}" for what in ("completion", "engine_s", "makespan_s")]
    same = "the same pairs" if first["pairs_sha256"] == second["pairs_sha256"] else "DIFFERENT PAIRS"
    return (
        f"  ratios, second to first: {', '.join(ratios)}; {same}, examples {first['examples']} and {second['examples']}"
    )


def _parser() -> argparse.ArgumentParser:
    lengths, costs = Lengths(), CostModel()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--prompts", type=int, default=1000)
    add("--servers", type=int, default=1)
    add("--workload", nargs="+", choices=sorted(CONCENTRATION), default=sorted(CONCENTRATION))
    add("--in-flight", type=int, default=256, help="prompts in flight per server")
    add("--set", nargs="+", default=[], metavar="KEY=VALUE", help="recipe overrides for every run")
    add("--compare", nargs="+", metavar="KEY=VALUE", help="run again with these additional overrides")
    add("--agreement", type=float, default=0.85, help="probability that a vote agrees with the truth")
    for name, tokens in asdict(lengths).items():
        add(f"--{name}", type=int, default=tokens, help="mean tokens")
    add("--sequences", type=int, default=costs.max_sequences, help="largest batch of one server")
    add("--step-base", type=float, default=costs.step_base, help="seconds")
    add("--step-per-sequence", type=float, default=costs.step_per_sequence, help="seconds")
    add("--prefill-per-token", type=float, default=costs.prefill_per_token, help="seconds")
    add("--cache-tokens", type=int, default=400_000, help="size of one server's key-value cache in tokens")
    add("--status-429", type=float, default=0.0, help="share of requests refused with this status")
    add("--status-503", type=float, default=0.0, help="share of requests refused with this status")
    add("--seed", type=int, default=0)
    add("--json", type=Path, help="write the figures to this file")
    return parser


if __name__ == "__main__":
    main()
