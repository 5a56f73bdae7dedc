"""Requests of benchmarks: who is requested for what, what goes into the rows, and that they can be scored."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from spar.benchmark_registry import BENCHMARKS
from spar.errors import DataError, EngineError, ModelUnusable
from spar.evaluation.benchmarks.driver import driver_of
from spar.evaluation.benchmarks.followbench.driver import OUR_JUDGE_WORDING, judge_prompt
from spar.evaluation.benchmarks.followbench.tasks import read_tasks
from spar.evaluation.benchmarks.llmbar.scoring import read_pairs
from spar.evaluation.benchmarks.measuring import score_file, score_rows
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row
from spar.evaluation.benchmarks.rows import encode
from spar.evaluation.judging import Judging
from spar.evaluation.search import refining_of
from spar.method.templates.forms import builtin_form
from spar.recipes.models import AskSettings
from spar.roles.usage import Usage
from tests.unit.evaluation.benchmarks.models import NO, YES, Failing, Refusing, Scripted, request_of
from tests.unit.evaluation.benchmarks.places import FOLLOWBENCH, IFEVAL, LLMBAR


async def request_rows(request: BenchmarkRequest, usage: Usage) -> list[Row]:
    return await driver_of(request.benchmark).request(request, usage)


async def test_ifeval_asks_the_bare_prompt_greedily_and_is_scored() -> None:
    chat, usage = Scripted(lambda _: "no commas here"), Usage()
    asked = request_of("ifeval", chat, IFEVAL, limit=3, max_tokens=64)
    rows = await request_rows(asked, usage)
    first = json.loads(IFEVAL.read_text(encoding="utf-8").splitlines()[0])
    assert chat.asked[0][0] == first["prompt"]
    assert {(sampling.temperature, sampling.max_tokens) for _, _, sampling in chat.asked} == {(0.0, 64)}
    assert usage.calls == 3
    report = score_rows(asked, rows)
    assert report.counts["prompts"] == 3
    assert report.settings["max_tokens"] == 64
    assert "templates" not in report.settings  # no verdict was asked for


@pytest.mark.parametrize("name", ["ifeval", "followbench"])
async def test_what_is_too_long_for_the_model_is_counted_not_left_out(name: str) -> None:
    asked = request_of(name, Refusing(), {"ifeval": IFEVAL, "followbench": FOLLOWBENCH}[name], limit=1)
    rows = await request_rows(asked, Usage())
    assert {row["failure"] for row in rows} == {"too_long"}
    assert any("too long" in warning for warning in score_rows(asked, rows).warnings)


@pytest.mark.parametrize(("name", "items"), [("ifeval", 4), ("story", 8)])
async def test_one_item_that_the_engine_fails_does_not_keep_the_others_from_being_asked(name: str, items: int) -> None:
    chat = Failing(1, EngineError("HTTP 500: out of luck.", "Look at it."))
    with pytest.raises(EngineError, match=rf"1 of {items} items failed; the first is item 2: HTTP 500") as caught:
        await request_rows(request_of(name, chat, IFEVAL, limit=4), Usage())
    assert (caught.value.fix, chat.asked) == ("Look at it.", items)


async def test_an_unusable_model_ends_the_story_evaluation_at_once() -> None:
    chat = Failing(0, ModelUnusable("No such model.", "Name another."))
    with pytest.raises(ModelUnusable, match="No such model"):
        await request_rows(request_of("story", chat, IFEVAL, limit=4), Usage())
    assert chat.asked <= 4  # the second measure is not begun


async def test_a_response_cut_off_is_scored_as_it_is_and_told() -> None:
    asked = request_of("ifeval", Scripted(lambda _: "no commas", "length"), IFEVAL, limit=2)
    rows = await request_rows(asked, Usage())
    assert [row["response"] for row in rows] == ["no commas", "no commas"]
    assert score_rows(asked, rows).warnings == ["2 replies were cut off at the token limit."]


async def test_llmbar_judges_each_output_alone_greedily() -> None:
    chat = Scripted(lambda _: YES)
    asked = request_of("llmbar", chat, LLMBAR, limit=2)
    report = score_rows(asked, await request_rows(asked, Usage()))
    assert report.counts["items"] == 20
    assert report.scores["average.accuracy"] == 50.0
    assert report.scores["average.f1"] == pytest.approx(66.7, abs=0.05)
    assert {(n, sampling.temperature) for _, n, sampling in chat.asked} == {(1, 0.0)}
    assert str(report.settings["templates"]).startswith("spar:")


async def test_several_votes_are_sampled_and_their_majority_counts() -> None:
    chat = Scripted(lambda _: NO)
    asked = request_of("llmbar", chat, LLMBAR, limit=1, votes=5)
    report = score_rows(asked, await request_rows(asked, Usage()))
    assert {(n, sampling.temperature) for _, n, sampling in chat.asked} == {(5, 0.7)}
    assert report.settings["temperature"] == "0.7"
    [curve] = [table for table in report.tables if table.name == "majority"]
    assert [row[0] for row in curve.rows] == [1, 3, 5]
    assert {row[1:] for row in curve.rows} == {(50.0, 0.0)}  # always No: half right, no Yes to be right about


async def test_followbench_asks_the_judge_about_what_no_rule_checks() -> None:
    judge = Scripted(lambda text: "[1] it is met\n" + text.splitlines()[-1].replace("YES or NO", "YES"))
    asked = request_of("followbench", Scripted(lambda _: "a response"), FOLLOWBENCH, judge, limit=1)
    rows = await request_rows(asked, Usage())
    tasks, _ = read_tasks(FOLLOWBENCH)
    judged = [row for row in rows if "reply" in row]
    assert len(rows) == 30
    assert {tasks[row["group"], row["example_id"], row["level"]].judged for row in judged} == {True}
    report = score_rows(asked, rows)
    assert report.counts["by_judge"] == len(judged) > 0
    assert report.counts["unparsable"] == report.counts["not_judged"] == 0
    assert report.settings["judge_template"]


async def test_a_judge_that_says_no_list_counts_as_unparsable() -> None:
    asked = request_of(
        "followbench", Scripted(lambda _: "a response"), FOLLOWBENCH, Scripted(lambda _: "all is well"), limit=1
    )
    report = score_rows(asked, await request_rows(asked, Usage()))
    assert report.counts["unparsable"] == report.counts["by_judge"] > 0


async def test_without_a_judge_its_items_are_asked_but_not_scored() -> None:
    asked = request_of("followbench", Scripted(lambda _: "a response"), FOLLOWBENCH, limit=1)
    report = score_rows(asked, await request_rows(asked, Usage()))
    assert report.counts["not_judged"] > 0
    assert report.counts["by_judge"] == 0


def test_the_judge_sees_how_the_prompt_grew() -> None:
    tasks, _ = read_tasks(FOLLOWBENCH)
    task = next(task for task in tasks.values() if task.judged and task.key[2] == 3)
    text = judge_prompt(task, "A $response with [[brackets]].")
    assert [f"[{number}] {said}" in text for number, said in enumerate(task.steps)] == [True] * 4
    assert text.splitlines()[-1] == "[YES or NO, YES or NO, YES or NO]"
    assert "A $response with [[brackets]]." in text


def test_half_a_surrogate_pair_survives_the_rows() -> None:
    [line] = encode([{"key": 1, "response": "\ud83d broken"}]).splitlines()
    assert json.loads(line)["response"] == "\ud83d broken"


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_record_names_its_driver(name: str) -> None:
    assert driver_of(BENCHMARKS[name]).request is not None


def negatives(folder: Path) -> Path:
    checked = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    rows = [
        {"prompt": "No commas.", "response": "a, b", **checked},
        {"prompt": "No commas.", "response": "c, d", **checked},
        {"prompt": "Be kind.", "response": "Go away."},
    ]
    path = folder / "negatives.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def test_refinements_are_rated_by_rules_judge_and_refiner_side_by_side(tmp_path: Path) -> None:
    def refiner(text: str) -> str:
        if "refine the Output" in text:
            return "[[start]] better, or so it thinks [[end]]"
        return YES if "better" in text else NO

    judge = Scripted(lambda text: NO if "No commas" in text else YES)
    asked = request_of("refinement", Scripted(refiner), negatives(tmp_path), judge)
    rows = await request_rows(asked, Usage())
    report = score_rows(asked, rows)
    assert report.scores == pytest.approx({"acc_rules": 0.0, "acc_judge": 100 / 3, "acc_self": 100.0})
    [agreement] = [table for table in report.tables if table.name == "agreement"]
    by_pair = {row[0]: row[1:] for row in agreement.rows}
    assert by_pair["rules and self"] == (2, 0, 0, 2, 0)
    assert by_pair["judge and self"] == (3, 1, 0, 2, 0)


async def test_a_negative_that_is_not_refined_fails_with_every_rater(tmp_path: Path) -> None:
    asked = request_of(
        "refinement", Scripted(lambda _: "no verdict, no marks"), negatives(tmp_path), Scripted(lambda _: YES)
    )
    rows = await request_rows(asked, Usage())
    assert [row["failure"] for row in rows] == ["no_critique"] * 3
    report = score_rows(asked, rows)
    assert report.counts["refined"] == 0
    assert report.scores == {"acc_self": 0.0}
    assert report.warnings == ["3 negatives were not refined; they count as failures."]


async def test_followbench_says_once_that_the_judges_wording_is_ours() -> None:
    asked = request_of(
        "followbench", Scripted(lambda _: "a response"), FOLLOWBENCH, Scripted(lambda _: "[YES]"), limit=1
    )
    rows = await request_rows(asked, Usage())
    assert score_rows(asked, rows).warnings.count(OUR_JUDGE_WORDING) == 1
    alone = request_of("followbench", Scripted(lambda _: "a response"), FOLLOWBENCH, limit=1)
    rows = await request_rows(alone, Usage())
    assert OUR_JUDGE_WORDING not in score_rows(alone, rows).warnings


async def test_further_judges_rate_the_same_refinements_by_name(tmp_path: Path) -> None:
    refiner = Scripted(lambda text: "[[start]] better [[end]]" if "refine the Output" in text else YES)
    last = Scripted(lambda text: YES if "Be kind" in text else NO)
    asked = replace(
        request_of("refinement", refiner, negatives(tmp_path), Scripted(lambda _: YES)), raters={"last_refiner": last}
    )
    report = score_rows(asked, await request_rows(asked, Usage()))
    assert report.scores["acc_judge"] == report.scores["acc_self"] == 100.0
    assert report.scores["acc_last_refiner"] == pytest.approx(100 / 3)
    assert [row[0] for row in report.tables[0].rows] == ["rules", "judge", "last_refiner", "self"]


def test_ratings_that_are_no_replies_are_an_error_with_their_line(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"item": 0, "refined": "x", "ratings": {"self": [YES]}}) + "\n")
    with pytest.raises(DataError, match="line 1: 'ratings' is no object of replies"):
        score_file("refinement", rows, negatives(tmp_path), True)


SEARCHES = {"greedy": 1, "best_of_n": 4, "iterative": 4, "bfs": 4, "dfs": 4}


@pytest.mark.parametrize("strategy", SEARCHES)
async def test_each_strategy_starts_from_the_negative_and_counts_what_it_took(tmp_path: Path, strategy: str) -> None:
    texts = iter(range(1000))

    def refiner(text: str) -> str:
        return f"[[start]] text {next(texts)} [[end]]" if "refine the Output" in text else NO

    chat, settings = Scripted(refiner), AskSettings(strategy=strategy, budget=4)  # type: ignore[arg-type]
    plain = request_of("refinement", chat, negatives(tmp_path), Scripted(lambda _: YES))
    refining = refining_of(chat, settings, plain.templates, 3)
    asked = replace(plain, settings=settings, refining=refining)
    rows = await request_rows(asked, Usage())
    report = score_rows(asked, rows)
    assert [row["generations"] for row in rows] == [SEARCHES[strategy]] * 3
    assert report.counts["generations"] == 3 * SEARCHES[strategy]
    assert report.counts["judgments"] == 3 * (1 if strategy == "greedy" else 5)
    assert report.scores["acc_judge"] == 100.0
    assert report.settings["strategy"] == f'"{strategy}"'


async def test_a_judge_that_scores_is_asked_by_its_rubric_and_read_by_its_mean() -> None:
    pairs, _ = read_pairs(LLMBAR)
    form = builtin_form("spar", "score")
    assert form is not None
    better = {
        form.messages(prompt=pair.input, response=pair.outputs[pair.label - 1])[0].content
        for listed in pairs.values()
        for pair in listed
    }
    chat = Scripted(lambda text: f"Score: {5 if text in better else 3}")
    asked = replace(request_of("llmbar", chat, LLMBAR, limit=2, votes=3), judging=Judging("rubric", {}, form))
    rows = await request_rows(asked, Usage())
    report = score_rows(asked, rows)
    assert report.counts["unparsable"] == 0
    assert report.scores["average.accuracy"] == 100.0
    assert report.settings["policy"] == 'rubric {"good": 4}'
    [preference] = [table for table in report.tables if table.name == "preference"]
    assert [row[1:] for row in preference.rows] == [(2, 2, 0, 100.0)] * 5
    strict = replace(asked, judging=Judging("rubric", {"good": 6}, form))
    found = score_rows(strict, await request_rows(strict, Usage()))
    assert found.counts["yes"] == 0
    assert found.tables[-1].rows[0][-1] == 100.0  # the threshold decides no preference


def test_a_policy_that_is_nowhere_is_an_error_with_its_line(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"subset": "Natural", "index": 0, "output": 1, "reply": "x", "policy": "nowhere"}))
    with pytest.raises(DataError, match=r"line 1: .*nowhere"):
        score_file("llmbar", rows, LLMBAR, True)
