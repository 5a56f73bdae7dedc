"""What `spar prompts evolve` prints: the price before it starts, its progress, and the result."""

import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from spar.cli.console import err, out, print_warning
from spar.cli.import_notes import left_out_lines
from spar.errors import DataError, EngineError, RecipeError, SparError
from spar.evolution.evolve import Done
from spar.evolution.manifest import EvolutionUsage
from spar.evolution.price import Cost, PriceEstimate
from spar.evolution.records import EvolutionOutcome


class CostConfirmation:
    """Prints the price and asks for confirmation, unless --yes was given."""

    def __init__(self, yes: bool) -> None:
        self._yes = yes

    def __call__(self, shards: int, cost: PriceEstimate) -> bool:
        work = cost.work
        before = f", {work.to_check:,} evolved before to be checked" if work.to_check else ""
        err.print(f"{work.to_evolve:,} seed prompts to evolve{before} (shards: {shards:,})")
        for name, part in (("likely", cost.likely), ("at most", cost.at_most)):
            err.print(f"  {name:<8} {_cost_text(part)}", markup=False)
        if self._yes:
            return True
        if not sys.stdin.isatty():
            raise RecipeError("Starting needs a confirmation, and stdin is not a terminal.", "Add --yes.")
        return typer.confirm("Start?", err=True)


def _cost_text(cost: Cost) -> str:
    money = "" if cost.money is None else f", {cost.money:,.2f} in money"
    tokens = f"about {cost.prompt_tokens:,} tokens in and {cost.completion_tokens:,} out"
    return f"{cost.calls:,} calls, {tokens}{money}"


class EvolveProgress:
    """A line whenever the finished shards have grown by a tenth; warnings at once."""

    def __init__(self) -> None:
        self._reported = 0

    def ended(self, shards: int) -> None:
        if shards >= self._reported * 1.1 + 1:
            self._reported = shards
            err.print(f"shards done: {shards:,}", markup=False)

    def noticed(self, what: str) -> None:
        print_warning(what)


def _or_dash(value: object) -> str:
    """Of a single prompt there is no self-BLEU."""
    return "–" if value is None else str(value)


def print_evolution(done: Done, to: Path) -> None:
    """Print the seed prompts' outcomes, how the evolved prompts differ, the cost, and what was left out."""
    manifest, statistics = done.manifest, done.manifest.statistics
    if done.repeated:
        out.print(f"{to} holds this evolution already.", markup=False, soft_wrap=True)
    lines: list[tuple[str, object]] = [("rows read", f"{manifest.rows:,}")]
    rejected = {name: n for name, n in manifest.outcomes.items() if n and name != "evolved"}
    lines += [(f"- {name}", f"{n:,}") for name, n in rejected.items()]
    lines += [("= evolved", f"{manifest.outcomes['evolved']:,}")]
    if statistics["words"]:
        lines += [
            ("words", f"{statistics['words_of_seeds']['mean']} -> {statistics['words']['mean']} (means)"),
            ("self-BLEU", f"{_or_dash(statistics['self_bleu_of_seeds'])} -> {_or_dash(statistics['self_bleu'])}"),
        ]
    lines += _costs(manifest.taken)
    for name, value in lines:
        out.print(f"{name:<18} {value}", markup=False, soft_wrap=True)
    for line in left_out_lines(manifest.left_out):
        out.print(line, markup=False, soft_wrap=True)
    if manifest.outcomes["evolved"]:
        out.print(f"prompts.source: {(to / 'evolved.jsonl').resolve()}", markup=False, soft_wrap=True)
    if rejected:
        out.print(f"reasons: {to / 'rejects.jsonl'}", markup=False, soft_wrap=True)
    for name, number in manifest.taken.adjustments.items():
        print_warning(f"{number:,} replies to requests that were adapted to the server: {name.replace('_', ' ')}")
    if manifest.outcomes["engine_failed"]:
        print_warning("Some shards failed in every attempt: rerun the command to retry them.")
    if not manifest.outcomes["evolved"]:
        raise _nothing_evolved(rejected, to)


def _nothing_evolved(rejected: Mapping[str, int], to: Path) -> SparError:
    """The error by the most frequent outcome: an engine failure, or unusable data."""
    if not rejected:
        return DataError("No prompt was evolved: the sources have no rows.", "Check that they are the right files.")
    most = max(rejected, key=lambda name: rejected[name])
    ends = ", ".join(f"{count:,} {name}" for name, count in rejected.items())
    kind = EngineError if most == EvolutionOutcome.ENGINE_FAILED else DataError
    return kind(f"No prompt was evolved: {ends}.", f"Every row's reason and reply: {to / 'rejects.jsonl'}.")


def _costs(taken: EvolutionUsage) -> list[tuple[str, object]]:
    """Calls, tokens, and cost if a price was given; estimates are marked."""
    unsure = f" ({taken.estimated_tokens:,} of them estimated: the server reports no usage)"
    tokens = f"{taken.prompt_tokens:,} in, {taken.completion_tokens:,} out{unsure if taken.estimated_tokens else ''}"
    lines: list[tuple[str, object]] = [("calls", f"{taken.calls:,}"), ("tokens", tokens)]
    if taken.money is not None:
        lines.append(("money", f"{taken.money:,.2f}{' (estimated)' if taken.estimated_tokens else ''}"))
    return lines
