"""What the page arranges: nothing that was counted may be missing from a table."""

from importlib.resources import files

import pytest

from spar.messages.base import StepKind
from spar.method.records import Outcome
from spar.report import view
from tests.unit.report.example import example_report


def test_every_outcome_has_a_place_a_meaning_and_a_colour() -> None:
    sheet = files("spar.report").joinpath("templates/page.css").read_text()
    assert sorted(view.OUTCOMES) == sorted(Outcome)
    assert set(view.MEANING) == set(Outcome)
    for outcome in Outcome:
        assert f".o-{outcome.value.replace('_', '-')} {{" in sheet


def test_every_step_has_a_place_and_a_colour() -> None:
    sheet = files("spar.report").joinpath("templates/page.css").read_text()
    assert set(view.STEPS) == {kind.value for kind in StepKind}
    assert all(f".s-{step} {{" in sheet for step in view.STEPS)


def test_the_outcomes_table_adds_up_to_the_prompts() -> None:
    report = example_report()
    rows = view.outcome_rows(report)
    for column, entry in enumerate(view.trained(report)):
        assert sum(row.cells[column] for row in rows) == entry.prompts
    assert sum(row.total for row in rows) == report.totals.prompts


@pytest.mark.parametrize("field", ["seconds", "tokens", "calls", "reused"])
def test_step_tables_add_up_to_the_totals(field: str) -> None:
    report = example_report()
    total = sum(row.total for row in view.step_rows(report, field))
    assert total == pytest.approx(getattr(report.totals, field))


def test_bars_share_one_scale() -> None:
    report = example_report()
    bars = view.bars(view.step_rows(report, "seconds"), view.column_labels(report))
    assert [bar.label for bar in bars] == ["Start", "Iteration 1", "Iteration 2", "Iteration 3"]
    first = bars[0].segments[-1]
    assert first.at + first.width < 400  # 15 of 50 seconds


def test_histograms_share_their_sizes() -> None:
    found = view.histograms(example_report())
    assert {tuple(bar.label for bar in one.bars) for one in found} == {tuple(str(n) for n in range(2, 17))}
