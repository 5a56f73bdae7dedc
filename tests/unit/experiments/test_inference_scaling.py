"""A sweep over the rules teacher: no torch, every number can be checked against what was drawn."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spar.engines.base import ChatModel, Completion, Sampling
from spar.errors import DataError, EngineUnavailable, RecipeError
from spar.evaluation.benchmarks.ifeval.checkers import Instruction, check
from spar.experiments.inference_scaling.curves import comparisons_of, points_of
from spar.experiments.inference_scaling.grid import GridCell, make_plan
from spar.experiments.inference_scaling.measure import ITSELF, JUDGE, RULES, measure
from spar.experiments.inference_scaling.page import render_sweep
from spar.experiments.inference_scaling.report import FINDING, FORMER_FINDING, SweepReport, read_sweep
from spar.experiments.inference_scaling.sampling import Drawn
from spar.experiments.inference_scaling.settings import SweepSettings
from spar.experiments.inference_scaling.sources import TaskSource, items_to_judge, read_source
from spar.inference.records import RoleModels
from spar.inference.strategies import STRATEGIES
from spar.method.records import Message
from spar.method.templates import builtin_templates
from spar.worlds.story.engine import ErrorRates, RulesModel
from spar.worlds.story.rules import follows
from tests.unit.evaluation.benchmarks.places import IFEVAL

COMPACT = builtin_templates("compact")
SMALL = SweepSettings(budgets=(1, 2, 8), majority=(1, 3), judge_items=40)
SOURCE = read_source("story", None, 40, 0)


class Greedy(RulesModel):
    """The teacher, that makes mistakes at temperature 0, too, the same ones whenever it is asked again."""

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        return await super().sample(messages, n, replace(sampling, temperature=1.0), seed)


def models(refine: float = 0.5, judge: float = 0.0) -> RoleModels:
    return RoleModels(
        actor=Greedy(ErrorRates(respond=0.4, judge=0, refine=0)),
        refiner=Greedy(ErrorRates(respond=0.4, judge=judge, refine=refine)),
    )


Swept = tuple[SweepReport, Mapping[GridCell, Sequence[Drawn]]]


def sweep(settings: SweepSettings = SMALL) -> Swept:
    return asyncio.run(measure(models(), None, SOURCE, settings, COMPACT, lambda cell: None))


@pytest.fixture(scope="module")
def swept() -> Swept:
    return sweep()


def test_a_plan_begins_with_the_actor_and_names_nothing_twice() -> None:
    plan = make_plan(["actor", "greedy", "bfs", "bfs"], [4, 1, 2, 2])
    assert plan == [GridCell("actor", 1), GridCell("greedy", 2), GridCell("bfs", 2), GridCell("bfs", 4)]
    with pytest.raises(RecipeError, match="astar"):
        make_plan(["astar"], [2])
    with pytest.raises(RecipeError, match="1 or more"):
        make_plan(["bfs"], [0])


def test_no_cell_draws_more_than_its_budget_and_every_text_is_scored_by_the_rules(swept: Swept) -> None:
    report, drawn = swept
    assert set(drawn) == set(make_plan(list(STRATEGIES), SMALL.budgets))
    for cell, rows in drawn.items():
        assert [row.prompt for row in rows] == [task.prompt for task in SOURCE.tasks]
        assert all(1 <= row.draws <= cell.budget for row in rows)
        assert all(row.good == follows(row.prompt, row.text) for row in rows)
        assert all(row.votes == 5 * row.judgments for row in rows)
    assert report.scored_by == RULES
    assert (report.prompts, report.source) == (40, "story")


def test_points_are_the_means_of_what_was_drawn(swept: Swept) -> None:
    report, drawn = swept
    for point in report.points:
        rows = drawn[GridCell(point.strategy, point.budget)]
        assert point.rate == sum(row.good for row in rows) / 40
        assert point.low <= point.rate <= point.high
        assert point.draws == sum(row.draws for row in rows) / 40
        assert sum(point.endings.values()) == 40
    start = next(point for point in report.points if point.strategy == "actor")
    assert (start.draws, start.judgments, start.endings) == (1.0, 0.0, {"actor": 40})


def test_more_budget_makes_it_better_and_the_comparisons_say_so(swept: Swept) -> None:
    report, _ = swept
    rates = {(point.strategy, point.budget): point.rate for point in report.points}
    assert rates["actor", 1] < rates["bfs", 2] < rates["bfs", 8]
    against = {(each.search, each.baseline, each.budget): each for each in report.comparisons}
    best = against["bfs", "actor", 8]
    assert best.difference.low > 0
    assert best.finding == "better, with more draws"
    estimate = 100 * (rates["bfs", 8] - rates["actor", 1])
    assert best.difference.estimate == pytest.approx(estimate)
    assert {each.baseline for each in report.comparisons} == {
        "actor",
        "greedy",
        *("best_of_responses", "best_of_n", "iterative"),
    }
    assert any("bfs at 8" in line and line.startswith("Tree search against actor") for line in report.verdict())


def test_responses_that_no_search_began_on_are_told(swept: Swept) -> None:
    report, _ = swept
    assert not any(line.startswith("No search began") for line in report.verdict())
    endings = {"response_failed": 30, "unjudged": 9, "accepted": 1}
    points = [replace(each, endings=endings) if each.strategy != "actor" else each for each in report.points]
    told = "No search began on 39 of 40 responses: 30 have no text to judge, and 9 have no quorum of votes."
    assert replace(report, points=points).verdict()[0] == told


@pytest.mark.parametrize(
    ("search", "baseline", "draws", "said"),
    [
        ("yyyyyyyyyy", "nnnnnnnnnn", (2, 3), "better, with no more draws"),
        ("yyyyyyyyyy", "nnnnnnnnnn", (3, 2), "better, with more draws"),
        ("nnnnnnnnnn", "yyyyyyyyyy", (2, 2), "worse"),
        ("ynynynynyn", "nynynynyny", (2, 2), "not shown to differ"),
    ],
)
def test_what_a_comparison_says(search: str, baseline: str, draws: tuple[int, int], said: str) -> None:
    cells = {GridCell("bfs", 4): (search, draws[0]), GridCell("best_of_n", 4): (baseline, draws[1])}
    drawn = {
        cell: [
            Drawn(
                prompt=f"p{i}",
                text="t",
                good=letter == "y",
                ending="solved",
                value=1.0,
                draws=number,
                judgments=1,
                votes=5,
                tokens=9,
            )
            for i, letter in enumerate(letters)
        ]
        for cell, (letters, number) in cells.items()
    }
    [comparison] = comparisons_of(drawn)
    assert comparison.finding == said


@pytest.mark.parametrize("name", [FINDING, FORMER_FINDING])
def test_a_report_is_read_by_the_present_and_the_former_names(swept: Swept, tmp_path: Path, name: str) -> None:
    report, _ = swept
    path = tmp_path / "decode.json"
    path.write_text(json.dumps({"models": {}, **report.as_json()}).replace(f'"{FINDING}":', f'"{name}":'))
    assert read_sweep(path).comparisons == report.comparisons


def test_the_same_sweep_gives_the_same_report() -> None:
    little = replace(SMALL, budgets=(1, 3), strategies=("bfs", "best_of_responses"))
    first, second = sweep(little)[0], sweep(little)[0]
    assert json.dumps(first.as_json()) == json.dumps(second.as_json())


async def test_a_judge_that_errs_gets_better_with_votes() -> None:
    settings = replace(SMALL, budgets=(1,), majority=(1, 3, 9), judge_items=300)
    erring = models(judge=0.4)
    report, _ = await measure(erring, None, SOURCE, settings, COMPACT, lambda cell: None)
    greedy, one, three, nine = report.majority
    assert (greedy.votes, one.votes, three.votes, nine.votes) == (0, 1, 3, 9)
    assert 0.6 < one.accuracy < three.accuracy < nine.accuracy
    assert one.high < nine.low
    assert nine.undecided == 0


async def test_prompts_without_rules_are_scored_by_a_judge(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text('{"prompt": "start knife ; words 6"}\n\n{"prompt": "finish !"}\n{"prompt": "finish !"}\n')
    source = read_source(str(file), None, None, 0)
    assert [task.prompt for task in source.tasks] == ["start knife ; words 6", "finish !"]
    asked = models()
    settings = replace(SMALL, budgets=(1, 3))
    itself, drawn = await measure(asked, None, source, settings, COMPACT, lambda cell: None)
    outside, _ = await measure(
        asked, RulesModel(ErrorRates(respond=0, judge=0, refine=0)), source, settings, COMPACT, lambda cell: None
    )
    assert (itself.scored_by, outside.scored_by) == (ITSELF, JUDGE)
    assert itself.majority == []
    assert all(row.good == follows(row.prompt, row.text) for rows in drawn.values() for row in rows)


def test_other_prompts_with_rules_give_the_judge_their_own_texts() -> None:
    source = TaskSource("ifeval", SOURCE.tasks, rules=True)
    rows = [
        Drawn(prompt="p", text=text, good=good, ending="solved", value=1.0, draws=1, judgments=1, votes=5, tokens=9)
        for text, good in (("a", True), ("b", False), ("a", True))
    ]
    items = items_to_judge(source, {GridCell("bfs", 2): rows}, 10, 0)
    assert [(item.response, item.good) for item in items] == [("a", True), ("b", False)]


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no prompts"), ('{"text": "x"}\n', "line 1 has no prompt"), ("[", "line 1"), ("{}\n", "line 1")],
)
def test_a_file_that_is_no_file_of_prompts(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(text)
    with pytest.raises(DataError, match=said):
        read_source(str(file), None, None, 0)


async def test_an_engine_that_fails_stops_the_sweep() -> None:
    gone = RulesModel(ErrorRates())
    gone.closed = True
    broken: ChatModel = gone
    with pytest.raises(EngineUnavailable, match="rules engine is closed"):
        await measure(RoleModels(actor=models().actor, refiner=broken), None, SOURCE, SMALL, COMPACT, lambda cell: None)


def test_the_page_holds_every_number_and_loads_nothing(swept: Swept) -> None:
    report, _ = swept
    page = render_sweep(replace(report, source='<script>alert("x")</script>'))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<polyline") == 3 * (len(STRATEGIES) - 1) + 1
    for point in report.points:
        assert f"{100 * point.rate:.1f}%" in page
    assert "nan" not in page.lower().replace("finance", "")
    assert all(line.replace("'", "&#39;") in page for line in report.verdict())


def test_points_need_no_refiner() -> None:
    rows = [Drawn(prompt="p", text="t", good=True, ending="actor", value=None, draws=1, judgments=0, votes=0, tokens=9)]
    [point] = points_of({GridCell("actor", 1): rows})
    assert (point.rate, point.low, point.high) == (1.0, 1.0, 1.0)


def test_ifevals_mean_of_four_stands_beside_with_its_own_difference() -> None:
    def rows(*shares: float) -> list[Drawn]:
        return [
            Drawn(
                prompt=f"p{i}",
                text="t",
                good=each > 0.5,
                ending="solved",
                value=1.0,
                draws=1,
                judgments=1,
                votes=5,
                tokens=9,
                share=each,
            )
            for i, each in enumerate(shares)
        ]

    drawn = {GridCell("best_of_n", 4): rows(0.25, 0.25, 0.75), GridCell("bfs", 4): rows(0.5, 1.0, 1.0)}
    best, search = points_of(drawn)
    assert best.average is not None
    assert best.average.value == pytest.approx(1.25 / 3)
    assert search.average is not None
    assert search.average.value == pytest.approx(2.5 / 3)
    assert search.average.low < search.average.value < search.average.high
    [compared] = comparisons_of(drawn)
    assert compared.average is not None
    assert compared.average.estimate == pytest.approx(125 / 3)
    without_shares = {GridCell("bfs", 4): [replace(row, share=None) for row in drawn[GridCell("bfs", 4)]]}
    assert points_of(without_shares)[0].average is None


def test_the_shares_of_ifevals_tasks_are_of_the_prompts_that_were_chosen() -> None:
    tasks = read_source("ifeval", IFEVAL, 20, 0).tasks
    shares = [task.share(task.prompt) for task in tasks if task.share is not None]
    answers = [json.loads(line) for line in IFEVAL.read_text(encoding="utf-8").splitlines()[:20]]
    items = [check(row["prompt"], _instructions(row), row["prompt"]) for row in answers]
    total = sum(len(item.strict) for item in items)
    by_instruction = sum(sum(item.strict) + sum(item.loose) for item in items) / total
    by_prompt = sum(all(item.strict) + all(item.loose) for item in items) / len(items)
    assert sum(shares) / len(shares) == pytest.approx((by_instruction + by_prompt) / 4)


def _instructions(row: dict[str, Any]) -> list[Instruction]:
    return [Instruction(*pair) for pair in zip(row["instruction_id_list"], row["kwargs"], strict=True)]
