"""The guards in a report: from a selection's figures to the page."""

from spar.method.guards import Figure, Guard
from spar.recipes.guards import findings
from spar.recipes.models import GuardSettings
from spar.report.guards import guard_facts, guard_table
from spar.report.model import GuardFacts, RunReport
from spar.report.page import render
from tests.unit.report.example import example_report
from tests.unit.report.test_page import read

LABELS = ["Start", "Iteration 1", "Iteration 2", "Iteration 3"]


def facts(**values: float) -> list[GuardFacts]:
    figures = {Guard(name): Figure(value=value, rows=40) for name, value in values.items()}
    return guard_facts(findings(figures, GuardSettings()))


def report(*found: list[GuardFacts]) -> RunReport:
    made = example_report()
    entries = [e.model_copy(update={"guards": each}) for e, each in zip(made.iterations, found, strict=True)]
    return made.model_copy(update={"iterations": entries})


def test_a_guard_has_a_row_and_an_iteration_that_was_looked_at_a_column() -> None:
    made = report([], facts(same=0.0), facts(same=0.25, length_gap=2.5), [])
    table = guard_table(made, LABELS)
    assert table is not None
    assert table.labels == ["Iteration 1", "Iteration 2"]
    same, gap = table.rows
    assert [(cell.shown, cell.mark) for cell in same[2] if cell is not None] == [("0.0%", "pass"), ("25.0%", "fail")]
    assert (gap[1], gap[2][0]) == ("2.00", None)


def test_the_page_shows_figures_with_what_became_of_them() -> None:
    text = read(render(report([], facts(same=0.25), facts(length_gap=2.5), facts(labels=0.5)))).text
    assert "Guards before training" in text
    assert "Pairs whose chosen and rejected are the same text" in text
    for shown in ("25.0% fail", "2.50 warn", "50.0%"):
        assert shown in " ".join(text.split())


def test_a_run_that_was_not_looked_at_has_no_such_section() -> None:
    made = report([], [], [], [])
    assert guard_table(made, LABELS) is None
    assert "Guards before training" not in read(render(made)).text
