"""Which runs can be compared: those measured on the same items of the same world, and those that measured nothing by
what became of their prompts. Others are refused, with the why."""

from collections.abc import Mapping, Sequence
from typing import Any

from spar.commands import command
from spar.errors import DataError
from spar.report.comparison.reading import MeasuredRun
from spar.report.measures import REPORTED

WORLD = "world:"
BESIDE = ("benchmarks",)
"""Keys of the evaluation that change none of the items compared here."""


def check_comparable(runs: Sequence[MeasuredRun]) -> list[str]:
    """Raise DataError for runs that must not be compared; return notes on those that may be."""
    if len(runs) < 2:
        raise DataError("One run is nothing to compare.", "Name two or more: spar compare RUN RUN, or HOME:RUN.")
    _check_distinct(runs)
    _check_same_worlds(runs)
    measured = [run for run in runs if run.measured]
    for other in measured[1:]:
        _check_same_settings(measured[0], other)
        _check_same_items(measured[0], other)
    return _notes(runs)


def _check_distinct(runs: Sequence[MeasuredRun]) -> None:
    seen: set[tuple[str, str]] = set()
    for run in runs:
        key = (run.home, run.run_id)
        if key in seen:
            raise DataError(f"Run {run.run_id} is named twice.", "Name each run once.")
        seen.add(key)


def _check_same_worlds(runs: Sequence[MeasuredRun]) -> None:
    first = runs[0]
    for other in runs[1:]:
        sources = [str(run.recipe["prompts"]["source"]) for run in (first, other)]
        if _world(sources[0]) != _world(sources[1]):
            raise DataError(
                f"Runs {first.run_id} and {other.run_id} are of different worlds: prompts.source is {sources[0]} and "
                f"{sources[1]}.",
                "Compare runs over the prompts of one world.",
            )


def _check_same_settings(first: MeasuredRun, other: MeasuredRun) -> None:
    mine, theirs = _evaluation(first.recipe), _evaluation(other.recipe)
    unlike = [
        f"evaluation.{key} is {mine.get(key)} and {theirs.get(key)}"
        for key in sorted({*mine, *theirs})
        if mine.get(key) != theirs.get(key)
    ]
    if unlike:
        raise DataError(
            f"Runs {first.run_id} and {other.run_id} were not measured alike: {'; '.join(unlike)}.",
            "Compare runs with the same evaluation: change it with --set in one of them and run that again; only the "
            "measurements are repeated.",
        )


def _world(source: str) -> str:
    """`world:story` and `world:story-texts` are one world; files are none."""
    return source.partition("-")[0] if source.startswith(WORLD) else ""


def _evaluation(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (recipe.get("evaluation") or {}).items() if key not in BESIDE}


def _check_same_items(first: MeasuredRun, other: MeasuredRun) -> None:
    for measure, name in REPORTED.items():
        mine = [(item.prompt, item.given) for item in first.items[0][measure]]
        theirs = [(item.prompt, item.given) for item in other.items[0][measure]]
        if mine != theirs:
            raise DataError(
                f"{name} was measured on other items in run {other.run_id} than in run {first.run_id}.",
                "They come from different versions of the world: run one of them again in a new --dir.",
            )


def _unmeasured(run: MeasuredRun) -> str:
    if not run.recipe.get("evaluation"):
        return (
            f"Run {run.run_id} measured nothing: its recipe has no evaluation. Run it again with one, such as --set "
            "evaluation.suite=story: existing results are reused."
        )
    return f"Run {run.run_id} has no measurement after its start yet: {command('resume', run.run_id)}"


def _notes(runs: Sequence[MeasuredRun]) -> list[str]:
    notes = [_unmeasured(run) for run in runs if not run.measured]
    if len({tuple(sorted(run.start.values())) for run in runs}) > 1:
        notes.append("The runs did not begin with the same models: gains are each over its own start.")
    for run in runs:
        if run.status != "finished":
            notes.append(f"Run {run.run_id} is {run.status}: it is compared as far as it got.")
    if len({str(run.recipe.get("engine", {}).get("kind")) for run in runs}) > 1:
        notes.append("The runs used different engines.")
    return notes
