"""Comparing runs: what is refused, which belong together, what the intervals cover, what was shared, every form."""

import csv
import io
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from spar.errors import AccountingError, DataError
from spar.evaluation.items import Measure
from spar.report.comparison.build import build_comparison
from spar.report.comparison.costs import work_of
from spar.report.comparison.forest import forest
from spar.report.comparison.grouping import grouped
from spar.report.comparison.intervals import difference_of, mean_of
from spar.report.comparison.model import Comparison, MeasuredGain
from spar.report.comparison.page import comparison_headline, render_comparison
from spar.report.comparison.reading import ComparedStep
from spar.report.comparison.tables import as_csv, as_latex, terminal_tables
from spar.report.measures import REPORTED
from tests.unit.report.comparison.runs import ITEMS, items, run

BETTER = {0: 0.5, 1: 0.95}


def test_one_run_is_nothing_to_compare() -> None:
    with pytest.raises(DataError, match="One run is nothing"):
        build_comparison([run()])
    with pytest.raises(DataError, match="named twice"):
        build_comparison([run(), run()])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (
            {"evaluation": {"suite": "story", "seed": 0, "actor_prompts": 50}},
            f"evaluation.actor_prompts is {ITEMS} and 50",
        ),
        ({"evaluation": {"suite": "story", "seed": 1, "actor_prompts": ITEMS}}, "evaluation.seed is 0 and 1"),
        ({"prompts": {"source": "world:other"}}, "prompts.source is world:story and world:other"),
        ({"prompts": {"source": "world:other"}, "evaluation": None}, "prompts.source is world:story and world:other"),
    ],
)
def test_runs_that_were_measured_unlike_are_refused(other: dict[str, object], told: str) -> None:
    with pytest.raises(DataError) as caught:
        build_comparison([run(), run("b", recipe=other)])
    assert told in str(caught.value)


def test_other_prompts_of_the_same_world_are_measured_alike() -> None:
    build_comparison([run(), run("b", recipe={"prompts": {"source": "world:story-texts"}})])


def test_other_items_are_refused_whatever_the_settings_say() -> None:
    other = run("b")
    other.items[0][Measure.JUDGE][3] = replace(other.items[0][Measure.JUDGE][3], given="another")
    with pytest.raises(DataError, match=r"refiner\.judge_accuracy was measured on other items"):
        build_comparison([run(), other])


def test_runs_that_measured_nothing_are_compared_by_what_became_of_them() -> None:
    nothing: dict[str, Any] = {"recipe": {"evaluation": None}, "items": {0: {}}}
    lost = {"pair": 200, "all_good": 60, "engine_failed": 40}
    found = build_comparison(
        [run(**nothing, outcomes={"pair": 200, "all_good": 100}), run("b", name="other", **nothing, outcomes=lost)]
    )
    assert (found.measure, found.outcomes) == (None, ["pair", "all_good", "engine_failed"])
    assert [group.outcomes.get("engine_failed", 0) for group in found.groups] == [0, 40]
    assert [group.measures for group in found.groups] == [[], []]
    assert sum("measured nothing" in note for note in found.notes) == 2
    page, (_, row) = render_comparison(found), csv.DictReader(io.StringIO(as_csv(found)))
    assert "engine_failed" in page
    assert "What each gained" not in page
    assert (row["outcome_engine_failed"], row["pairs"], row["measure"]) == ("40", "200", "")
    assert "40" in printed(found)
    assert as_latex(found).count("&") == 3 * 2


def test_a_measure_that_was_not_measured_is_not_chosen() -> None:
    nothing: dict[str, Any] = {"recipe": {"evaluation": None}, "items": {0: {}}}
    with pytest.raises(DataError, match="leave out --measure"):
        build_comparison([run(**nothing), run("b", **nothing)], "actor.accuracy")


def test_a_run_beside_others_that_measured_only_its_start_has_no_measures() -> None:
    found = build_comparison([run(), run("b", name="other", rates={0: 0.5})])
    assert any("b has no measurement after its start" in note for note in found.notes)
    assert [bool(group.measures) for group in found.groups] == [True, False]
    assert "other" in render_comparison(found)
    assert "other" in printed(found)
    assert len(list(csv.DictReader(io.StringIO(as_csv(found))))) == 5


def printed(found: Comparison) -> str:
    console = Console(file=io.StringIO(), width=200)
    for table in terminal_tables(found):
        console.print(table)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_an_unfinished_run_and_another_start_are_told() -> None:
    found = build_comparison([run(), run("b", name="other", status="stopped", start={"a": "f9", "r": "f1"})])
    assert any("b is stopped" in note for note in found.notes)
    assert any("begin with the same models" in note for note in found.notes)
    assert any("One seed per recipe" in note for note in found.notes)


def test_seeds_of_a_recipe_are_one_group_and_settings_without_results_set_none_apart() -> None:
    engine = {"engine": {"kind": "simulated", "max_batch": 64}, "budget": {"calls": 5}}
    shallow = {"search": {"depth": 1}}
    runs = [run("a1", seed=1), run("b0", recipe=shallow), run("a0", recipe=engine), run("c", name="other")]
    assert [(label, [each.run_id for each in group]) for label, group in grouped(runs)] == [
        ("spar", ["a0", "a1"]),
        ("spar [search.depth=1]", ["b0"]),
        ("other", ["c"]),
    ]


def test_the_same_run_in_another_home_is_a_group_of_its_own() -> None:
    found = grouped([run(), run(seed=1), run(home="/homes/b")])
    assert [(label, len(group)) for label, group in found] == [("spar", 2), ("spar (b)", 1)]


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(5)
    hits = 0
    for trial in range(60):
        table = [[float(rng.random() < 0.3) for _ in range(120)]]
        found = mean_of(table, draws_seed=trial, resamples=200)
        hits += found.low <= 0.3 <= found.high
    assert 50 <= hits <= 60


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = random.Random(2)
    base = [float(rng.random() < 0.5) for _ in range(200)]
    agreeing = mean_of([base, base, base])
    apart = mean_of([base, [1.0] * 200, [0.0] * 200])
    assert agreeing.high - agreeing.low < 0.2
    assert apart.high - apart.low > 0.5
    assert mean_of([base]) == mean_of([base])


def test_pairing_by_item_takes_the_items_out_of_a_difference() -> None:
    rng = random.Random(3)
    base = [float(rng.random() < 0.5) for _ in range(300)]
    ahead = [1.0 if index % 10 == 0 else value for index, value in enumerate(base)]
    paired = mean_of([[a - b for a, b in zip(ahead, base, strict=True)]], 100)
    assert paired.low > 0
    assert difference_of([ahead], [base], 100) == pytest.approx(paired)
    with pytest.raises(AccountingError):
        difference_of([[1.0]], [[1.0, 0.0]])
    with pytest.raises(AccountingError):
        mean_of([[1.0], [1.0, 0.0]])


def test_the_same_seeds_are_paired_and_others_are_not() -> None:
    same = build_comparison([run(), run("b", name="other", rates=BETTER)])
    one = same.groups[1].measure("actor.accuracy")
    assert one is not None
    assert one.difference is not None
    assert one.paired_by_seed
    assert one.difference.low > 0
    assert one.gain.value == pytest.approx(100 * (one.end.value - one.start))
    apart = build_comparison([run(), run("b", name="other", seed=7, rates=BETTER)]).groups[1].measure("actor.accuracy")
    assert apart is not None
    assert not apart.paired_by_seed


def test_shared_work_is_told() -> None:
    first = (
        ComparedStep(kind="generation", iteration=1, fingerprint="g", reused=False, calls=10, tokens=100),
        ComparedStep(kind="judgment", iteration=1, fingerprint="j", reused=False, calls=50, tokens=500),
    )
    second = (
        ComparedStep(kind="generation", iteration=1, fingerprint="g", reused=True, calls=10, tokens=100),
        ComparedStep(kind="judgment", iteration=1, fingerprint="j", reused=True, calls=50, tokens=500),
        ComparedStep(kind="refinement", iteration=1, fingerprint="r", reused=False, calls=20, tokens=200),
    )
    base, other = run(steps=first), run("b", name="other", steps=second)
    work = work_of([other], [base])
    assert (work.own_calls, work.reused_calls, work.reused_steps, work.steps) == (20, 60, 2, 3)
    assert (work.shared_steps, work.shared_calls) == (2, 60)
    assert work.own_calls_ratio == pytest.approx(20 / 60)
    assert work.calls["judgment"].model_dump() == {"own": 0, "reused": 50}
    assert work.first_iteration_ratio == work.own_calls_ratio
    assert work_of([base], None).shared_steps is None


def test_a_point_has_a_price_only_where_a_gain_is_sure() -> None:
    found = build_comparison([run(rates={0: 0.5, 1: 0.5}), run("b", name="other", rates=BETTER)])
    assert found.groups[0].cost.calls is None
    cost = found.groups[1].cost.calls
    gain = found.groups[1].measures[0].gain
    assert cost is not None
    assert cost.value == pytest.approx(10 / gain.value)
    assert cost.low < cost.value < cost.high


def test_a_measure_that_is_not_there_is_told() -> None:
    with pytest.raises(DataError, match=r"Choose one of: actor\.accuracy"):
        build_comparison([run(), run("b", name="other")], "ifeval")


@pytest.fixture(scope="module")
def found() -> Comparison:
    runs = [run(f"a{seed}", seed=seed) for seed in (0, 1)]
    runs += [run(f"b{seed}", name="x_&<b>", seed=seed, rates=BETTER) for seed in (0, 1)]
    return build_comparison(runs)


def test_the_page_is_whole_escaped_and_loads_nothing(found: Comparison) -> None:
    page = render_comparison(found)
    assert "x_&amp;&lt;b&gt;" in page
    assert "<b>x_" not in page
    assert not re.search(r"(src|href)=|<script|url\(", page)
    assert page.count('class="plot forest"') == 2
    assert comparison_headline(found).startswith("x_&<b> ends")
    assert "points ahead of spar." in comparison_headline(found)


def test_the_headline_claims_nothing_that_is_not_sure() -> None:
    found = build_comparison([run(), run("b", name="other", seed=0, items=run().items)])
    assert comparison_headline(found) == "No measurable difference to spar at the end."


def test_the_csv_has_every_group_and_measure(found: Comparison) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(rows) == 8
    assert {row["recipe"] for row in rows} == {"spar", "x_&<b>"}
    assert float(rows[4]["difference_low"]) > 0
    assert rows[0]["difference_points"] == ""


def test_the_latex_is_a_table_whose_rows_are_as_wide_as_its_head(found: Comparison) -> None:
    text = as_latex(found)
    assert r"x\_\&<b>" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    columns = re.search(r"begin\{tabular\}\{(l r*|lr*)\}", text)
    assert columns is not None
    assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {len(columns.group(1))}


def test_the_forest_holds_every_interval_and_no_difference() -> None:
    rows = [
        ("a", MeasuredGain(value=2.0, low=-1.0, high=5.0)),
        ("b" * 60, MeasuredGain(value=30.0, low=28.0, high=33.5)),
    ]
    drawn = forest(rows)
    assert drawn is not None
    assert [row.style for row in drawn.rows] == ["level", "up"]
    assert drawn.zero is not None
    assert all(250 <= x <= 560 for row in drawn.rows for x in (row.x_low, row.x, row.x_high, drawn.zero))
    assert len(drawn.rows[1].label) < 40
    assert forest([]) is None


def test_items_are_what_was_drawn() -> None:
    assert items(Measure.JUDGE, 0.5, 1) == items(Measure.JUDGE, 0.5, 1)


def measured_by(strategy: dict[str, list[bool]], limit: int | None = None) -> dict[str, Any]:
    """A run that measured IFEval at the start, where nothing was right, and after one iteration."""
    right = {part: {str(place): each for place, each in enumerate(found)} for part, found in strategy.items()}
    none = {part: dict.fromkeys(found, False) for part, found in right.items()}
    told = {"suite": "story", "seed": 0, "actor_prompts": ITEMS, "benchmarks": {"ifeval": {"limit": limit}}}
    return {
        "recipe": {"evaluation": told},
        "benchmarks": {part: {0: none[part], 1: found} for part, found in right.items()},
    }


def test_each_strategy_of_a_benchmark_is_compared_apart() -> None:
    half, all_ = [True, False] * 4, [True] * 8
    base = run(**measured_by({"ifeval": half, "ifeval:bfs": half}))
    other = run("b", name="other", **measured_by({"ifeval": half, "ifeval:bfs": all_}))
    found = build_comparison([base, other])
    alone, searched = (found.groups[1].measure(name) for name in ("ifeval", "ifeval:bfs"))
    assert alone is not None
    assert searched is not None
    assert (searched.label, searched.items, searched.end.value) == ("ifeval by bfs", 8, 1.0)
    assert alone.difference is not None
    assert searched.difference is not None
    assert (alone.difference.value, searched.difference.value) == (0.0, 50.0)
    assert found.groups[0].measures[-1].gain.value == 50.0
    assert "ifeval by bfs" in render_comparison(found)


@pytest.mark.parametrize(
    "other",
    [
        measured_by({"ifeval": [True] * 8}),
        measured_by({"ifeval:bfs": [True] * 7}),
        measured_by({"ifeval:bfs": [True] * 8}, limit=8),
    ],
)
def test_a_benchmark_that_was_measured_unlike_is_left_out_and_told(other: dict[str, Any]) -> None:
    base = run(**measured_by({"ifeval:bfs": [True] * 8}))
    found = build_comparison([base, run("b", **other)])
    assert all(each.measure != "ifeval:bfs" for group in found.groups for each in group.measures)
    assert any(note.startswith("ifeval:bfs is not compared") for note in found.notes)


def without_suite(found: dict[str, Any]) -> dict[str, Any]:
    told = {**found["recipe"]["evaluation"], "suite": "none"}
    nothing = {index: {of: [] for of in REPORTED} for index in (0, 1)}
    return {**found, "recipe": {"evaluation": told}, "items": nothing}


def test_runs_that_measured_benchmarks_alone_are_compared_by_the_first_of_them() -> None:
    half, all_ = [True, False] * 4, [True] * 8
    base = run(**without_suite(measured_by({"ifeval": half, "ifeval:bfs": half})))
    other = run("b", name="other", **without_suite(measured_by({"ifeval": all_, "ifeval:bfs": all_})))
    found = build_comparison([base, other])
    assert found.measure == "ifeval"
    assert [each.measure for each in found.groups[1].measures] == ["ifeval", "ifeval:bfs"]
    assert found.groups[1].runs[0].iterations == 1
    assert "ifeval by bfs" in render_comparison(found)


def test_runs_with_no_measure_in_common_are_compared_without() -> None:
    mine, theirs = (without_suite(measured_by({part: [True] * 8})) for part in ("ifeval", "ifeval:bfs"))
    found = build_comparison([run(**mine), run("b", **theirs)])
    assert found.measure is None
    assert sum("is not compared" in note for note in found.notes) == 2


def test_a_benchmark_at_the_start_alone_is_no_measurement() -> None:
    begun = without_suite(measured_by({"ifeval": [True] * 8}))
    begun["benchmarks"]["ifeval"].pop(1)
    found = build_comparison([run(**begun), run("b", **begun)])
    assert found.measure is None
    assert sum("no measurement after its start" in note for note in found.notes) == 2


def test_the_mean_of_ifevals_four_scores_is_a_measure_of_its_own() -> None:
    def averaged(end: float) -> dict[str, Any]:
        shares = {0: {"1": 0.25, "2": 0.5}, 1: {"1": end, "2": end}}
        return {**without_suite(measured_by({"ifeval": [True, False]})), "averages": {"ifeval": shares}}

    found = build_comparison([run(**averaged(0.5)), run("b", name="other", **averaged(0.75))], "ifeval.average")
    assert [each.measure for each in found.groups[1].measures] == ["ifeval", "ifeval.average"]
    mean = found.groups[1].measure("ifeval.average")
    assert mean is not None
    assert (mean.label, mean.start, mean.end.value) == ("ifeval, mean of four", 0.375, 0.75)
    assert mean.difference is not None
    assert mean.difference.value == pytest.approx(25.0)
    assert "ifeval, mean of four" in render_comparison(found)
