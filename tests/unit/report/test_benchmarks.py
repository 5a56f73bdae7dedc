"""Public benchmarks in a report: what is kept, what changed since the start, what a page shows."""

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.report import BenchmarkReport, KeptReport, ScoredItem, Table, keep
from spar.report.benchmarks import benchmark_changes, benchmark_tables, measures_of
from spar.report.headline import headline
from spar.report.model import IterationReport, RunReport
from spar.report.page import render


def kept(*correct: bool, warnings: tuple[str, ...] = (), **settings: str | int) -> KeptReport:
    share = 100 * sum(correct) / len(correct)
    return keep(
        BenchmarkReport(
            benchmark="ifeval",
            counts={"empty": 0, "prompts": len(correct)},
            scores={"average": share, "unshown": 1.0},
            intervals={"average": (share - 1, share + 1)},
            tables=(Table("families", ("family", "total"), (("keywords", 2),)),),
            items=[ScoredItem(str(place), right, {"response": "<b>said</b>"}) for place, right in enumerate(correct)],
            settings={"max_tokens": 256, **settings},
            warnings=warnings,
        )
    )


def report(*iterations: KeptReport | None) -> RunReport:
    by_iteration = [{} if one is None else {"ifeval": ("results/f/s", one)} for one in iterations]
    entries = [
        IterationReport(iteration=index, benchmarks=measures_of(found)) for index, found in enumerate(by_iteration)
    ]
    return RunReport(
        run="r",
        recipe_name="mine",
        seed=0,
        status="running",
        planned_iterations=3,
        iterations=entries,
        benchmark_changes=benchmark_changes(dict(enumerate(by_iteration))),
        recipe={},
    )


def test_scores_settings_and_tables_are_kept_with_where_the_responses_lie() -> None:
    [entry] = report(kept(True, False)).iterations
    measured = entry.benchmarks["ifeval"]
    assert (measured.scores["average"], measured.settings["max_tokens"]) == (50.0, 256)
    assert measured.tables["families"] == [{"family": "keywords", "total": 2}]
    assert measured.result == "results/f/s"


def test_a_change_is_paired_over_the_same_items() -> None:
    made = report(kept(False, False, True), kept(True, True, True))
    [change] = made.benchmark_changes
    assert (change.measure, change.before, change.after, change.items) == ("ifeval", 0, 1, 3)
    assert change.points == pytest.approx(100 * 2 / 3)
    with pytest.raises(DataError, match="don't score the same items"):
        report(kept(True), kept(True, False))


def test_a_page_shows_what_was_measured_and_a_gap_where_nothing_was() -> None:
    made = report(kept(False, True, warnings=("one was <cut> off",)), None, kept(True, True))
    [table] = benchmark_tables(made, ["Start", "Iteration 1", "Iteration 2"])
    assert table.items == 2
    assert table.columns == ("average",)
    assert [row.label for row in table.rows] == ["Start", "Iteration 2"]
    page = render(made)
    assert "On public benchmarks" in page
    assert "+50.0" in page
    assert "<cut>" not in page


def test_each_strategy_has_a_table_and_a_change_of_its_own() -> None:
    start = {"ifeval:bfs": ("k", kept(True, False, strategy='"bfs"')), "ifeval": ("k", kept(False, False))}
    after = {"ifeval:bfs": ("k", kept(True, True, strategy='"bfs"')), "ifeval": ("k", kept(False, False))}
    measured = {0: start, 1: after}
    made = report(None, None).model_copy(
        update={
            "iterations": [
                IterationReport(iteration=i, benchmarks=measures_of(found)) for i, found in measured.items()
            ],
            "benchmark_changes": benchmark_changes(measured),
        }
    )
    tables = benchmark_tables(made, ["Start", "Iteration 1"])
    assert [table.name for table in tables] == ["ifeval by bfs", "ifeval"]
    last = [table.rows[-1].change for table in tables]
    assert [None if change is None else change.points for change in last] == [50.0, 0.0]
    assert "ifeval by bfs, 2 items" in render(made)


def test_a_run_without_benchmarks_says_nothing_of_them() -> None:
    assert "On public benchmarks" not in render(report(None))


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ([True] * 12, "On ifeval the actor now scores 100.0% (average), up from 0.0% at the start."),
        ([True] + [False] * 11, "On ifeval the actor now scores 8.3% (average), not measurably different from 0.0%"),
    ],
)
def test_without_a_suite_the_first_benchmark_makes_the_headline(after: list[bool], told: str) -> None:
    assert headline(report(kept(*[False] * 12), kept(*after))).startswith(told)


def test_a_benchmark_that_was_measured_once_makes_no_headline() -> None:
    assert "ifeval" not in headline(report(kept(True, False)))
