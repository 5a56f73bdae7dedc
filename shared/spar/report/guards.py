"""The guards before training, for the page: a row for each guard, a cell for each iteration that measured it."""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.guards import Guard
from spar.recipes.guards import MEANINGS, GuardFinding
from spar.report.model import GuardFacts, RunReport


@dataclass(frozen=True, slots=True)
class GuardTable:
    """`rows` are (meaning, bound, cells); a cell is None where the iteration measured nothing."""

    labels: Sequence[str]
    rows: Sequence[tuple[str, str, Sequence[GuardFacts | None]]]


def guard_facts(found: Sequence[GuardFinding]) -> list[GuardFacts]:
    """The figures as in report.json."""
    return [
        GuardFacts(
            guard=each.guard,
            value=each.value,
            rows=each.rows,
            most=each.most,
            mark=each.mark,
            shown=each.shown,
            bound=each.bound,
        )
        for each in found
    ]


def guard_table(report: RunReport, labels: Sequence[str]) -> GuardTable | None:
    """None if no iteration was checked."""
    looked = [(label, entry) for label, entry in zip(labels, report.iterations, strict=True) if entry.guards]
    by_guard = [{facts.guard: facts for facts in entry.guards} for _, entry in looked]
    rows = [_row(guard, by_guard) for guard in Guard if any(guard in found for found in by_guard)]
    return GuardTable([label for label, _ in looked], rows) if rows else None


def _row(guard: Guard, by_guard: Sequence[dict[Guard, GuardFacts]]) -> tuple[str, str, Sequence[GuardFacts | None]]:
    cells = [found.get(guard) for found in by_guard]
    bound = next(cell.bound for cell in cells if cell is not None)
    return MEANINGS[guard], bound, cells
