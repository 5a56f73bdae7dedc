"""How well `spar plan --pilot` forecasts: three workloads, the whole run beside what its pilot said.

    python benchmarks/forecast.py [--prompts 192] [--pilot 32] [--limit 0.2]

The server is `spar.testing.server` in a process of its own, whose clock passes as on a continuous-batching engine: at
most 256 sequences, each step 20 ms plus 0.1 ms a sequence, prefill 0.02 ms a token. It is slow on purpose, so that
its clock and not this machine decides how long a run takes. The pilot and the run have a home each, so that the run
does everything itself. Exits with 1 if calls, tokens or hours are off by more than the limit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from spar.testing.process import server_process

PACE = ("--step-base", "0.02", "--step-per-sequence", "0.0001", "--prefill-per-token", "0.00002")
SPAR = [sys.executable, "-m", "spar.cli.main"]
WORKLOADS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    # Short replies and the paper's search.
    "breadth first": ((), {}),
    # Long verdicts, a deeper and narrower search.
    "depth first, long verdicts": (
        ("--verdict-words", "30", "90"),
        {"search": {"policy": "dfs", "beam_width": 1, "depth": 5}, "judgment": {"votes": 3, "quorum": 2}},
    ),
    # Many long responses, one refinement each.
    "many long responses, greedy": (
        ("--response-words", "60", "200"),
        {"search": {"policy": "greedy"}, "generation": {"n": 8}},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=192)
    parser.add_argument("--pilot", type=int, default=32)
    parser.add_argument("--limit", type=float, default=0.2)
    args = parser.parse_args()
    worst = 0.0
    for name, (options, changes) in WORKLOADS.items():
        with tempfile.TemporaryDirectory() as folder, server_process("--any-model", *PACE, *options) as url:
            told, took = measure(Path(folder), url, args.prompts, args.pilot, changes)
        print(name)
        for what, found in took.items():
            said = told[what]
            off = said["value"] / found - 1
            inside = "inside" if said["low"] <= found <= said["high"] else "outside"
            worst = max(worst, abs(off))
            print(
                f"  {what:<7} forecast {said['value']:>12,.4g} ({said['low']:,.4g} to {said['high']:,.4g}), "
                f"took {found:>12,.4g}: {100 * off:+.1f}%, {inside} its interval"
            )
    print(f"worst: {100 * worst:.1f}%")
    sys.exit(worst > args.limit)


def measure(
    folder: Path, url: str, prompts: int, pilot: int, changes: dict[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """What the pilot said of calls, tokens and hours, and what the run took: hours on the server's own clock."""
    recipe = write_recipe(folder, url, prompts, changes)
    told = json.loads(_spar("plan", recipe, "--pilot", str(pilot), "--dir", folder / "pilot", "--json"))["total"]
    before = stats(url)
    _spar("run", recipe, "--dir", folder / "run")
    busy = stats(url)["busy_s"] - before["busy_s"]
    spent = {
        each["name"]: each["spent"] for each in json.loads(_spar("status", "--dir", folder / "run", "--json"))["burn"]
    }
    return (
        {name: told[name] for name in ("calls", "tokens", "hours")},
        {"calls": spent["calls"], "tokens": spent["tokens"], "hours": busy / 3600},
    )


def write_recipe(folder: Path, url: str, prompts: int, changes: dict[str, Any]) -> Path:
    models = {}
    for role in ("actor", "refiner"):
        model = folder / "models" / role
        model.mkdir(parents=True)
        (model / "config.json").write_text("{}")
        (model / "model.safetensors").write_bytes(role.encode())
        models[role] = str(model)
    recipe = {
        "name": "forecast",
        "iterations": 2,
        "models": models,
        "prompts": {"source": "world:story", "per_iteration": prompts, "shard_size": 16},
        "engine": {"kind": "openai", "url": url, "max_batch": 256},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def stats(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats", timeout=10) as reply:
        found: dict[str, float] = json.load(reply)
        return found


def _spar(*arguments: str | Path) -> str:
    done = subprocess.run([*SPAR, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"spar {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
