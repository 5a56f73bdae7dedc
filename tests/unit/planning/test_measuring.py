"""What measuring takes, and what iterations do that are set differently: against sums by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.evaluation import story
from spar.evaluation.benchmarks.driver import ItemCounts
from spar.planning.call_estimates import NOTHING, CallEstimate, calls
from spar.planning.measuring import MeasurementWork, measuring_of, rounds
from spar.planning.plan_inputs import benchmark_items
from spar.planning.work import stage_works
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe

JUDGE = {"url": "http://judge/v1", "model": "j"}


def counted(items: int, judged: int = 0) -> ItemCounts:
    return ItemCounts(items=items, judged=judged)


def measured(recipe: Recipe, **items: ItemCounts) -> dict[str, MeasurementWork]:
    return {each.name: each for each in measuring_of(recipe, items, prompt_tokens=100)}


def with_benchmarks(**benchmarks: Any) -> Recipe:
    recipe = load_recipe("demo")
    plan = {"suite": "none", "benchmarks": {name: {"data": "here", **each} for name, each in benchmarks.items()}}
    return Recipe.model_validate({**recipe.model_dump(), "evaluation": plan})


def bounds(asked: CallEstimate) -> tuple[int, int]:
    return asked.least, asked.most


def test_stages_are_counted_by_their_own_settings() -> None:
    first, then = stage_works(load_recipe("autoif"))
    assert (first.iterations, then.iterations) == ((1,), (2, 3))
    # Judged by code: nobody is asked for votes, and there is no search.
    assert bounds(first.work.calls) == bounds(then.work.calls) == (300, 300)
    searching = "stages=[{iterations: [2], selection: {pairs: sampled}, generation: {n: 7}, judgment: {votes: 3}}]"
    one, two = stage_works(load_recipe("demo", [searching]))
    assert (one.iterations, two.iterations) == ((1, 3), (2,))
    assert bounds(one.work.calls) == (300 + 1500, 300 + 1500 + 2 * 300 * 15)
    assert (two.work.trees, two.work.response_votes, bounds(two.work.calls)) == ((0, 0), 6300, (2400, 2400))


def test_comparing_ends_with_its_stage() -> None:
    stages = {stage.iterations: stage for stage in stage_works(load_recipe("meta_rewarding"))}
    assert {which: stage.work.comparisons for which, stage in stages.items()} == {(1,): 9000, (2,): 9000, (3,): 0}
    first = stages[(1,)]
    assert first.work.calls.most - first.work.calls.least == 9000


def test_how_often_a_run_measures() -> None:
    assert (rounds(load_recipe("demo"), "actor"), rounds(load_recipe("demo"), "refiner")) == (4, 4)
    assert (rounds(load_recipe("story-init"), "actor"), rounds(load_recipe("story-init"), "refiner")) == (5, 5)
    # A refiner that is kept is the same model again.
    assert (rounds(load_recipe("best_of_n_dpo"), "actor"), rounds(load_recipe("best_of_n_dpo"), "refiner")) == (4, 1)
    assert rounds(load_recipe("self_rewarding"), "refiner") == 4


def test_the_suite_counts() -> None:
    found = measured(load_recipe("demo", ["evaluation.actor_prompts=10", "evaluation.judge_items=6"]))
    assert bounds(found["story: actor"].own) == (4 * 20, 4 * 20)
    assert found["story: actor"].own.written == 4 * 20 * story.RESPONSE_TOKENS
    assert bounds(found["story: refiner"].own) == (4 * 506, 4 * 1006)


def test_a_search_is_bounded_by_its_budget_and_each_strategy_counts() -> None:
    settings = {"strategy": ["actor", "bfs", "best_of_n"], "budget": 4, "max_tokens": 10, "judge_tokens": 20}
    found = measured(with_benchmarks(ifeval=settings), ifeval=counted(7))
    assert bounds(found["ifeval"].own) == (4 * 7, 4 * 7)
    assert found["ifeval"].own.written == 4 * 7 * 10
    for name in ("ifeval:bfs", "ifeval:best_of_n"):
        # A response and its votes; then four further texts at most, each drawn and judged by five votes.
        assert bounds(found[name].own) == (4 * 14, 4 * 7 * (2 + 2 * 4))
        assert found[name].own.written == 4 * 7 * (10 + 5 * 20 + 4 * (15 + 5 * 20))


def test_a_refiners_benchmarks_and_the_calls_of_outside_judges_apart() -> None:
    settings = {"votes": 3, "max_tokens": 10, "judge_tokens": 20}
    both = {"llmbar": settings, "refinement": {**settings, "judge": JUDGE}}
    found = measured(with_benchmarks(**both), llmbar=counted(8), refinement=counted(5, 5))
    assert bounds(found["llmbar"].own) == (32, 32)
    assert found["llmbar"].own.written == 32 * 3 * 20
    assert bounds(found["refinement"].own) == (4 * 5, 4 * 15)
    assert bounds(found["refinement"].judge) == (0, 4 * 5)
    assert found["llmbar"].judge == NOTHING
    bench = measured(with_benchmarks(followbench={"judge": JUDGE, "judge_tokens": 30}), followbench=counted(9, 4))
    assert (bench["followbench"].judge.most, bench["followbench"].judge.written) == (16, 16 * 30)
    assert measured(with_benchmarks(followbench={}), followbench=counted(9, 4))["followbench"].judge == NOTHING


def test_an_audits_outside_judge_sees_responses_and_each_searchs_best() -> None:
    stage = "stages=[{iterations: [3], selection: {pairs: sampled}}]"
    recipe = load_recipe("demo", [stage]).model_dump()
    recipe |= {"judge_audit": {"prompts": 20, "judge": JUDGE, "judge_tokens": 8}}
    found = measured(Recipe.model_validate(recipe))["honesty"]
    assert (found.own, bounds(found.judge)) == (NOTHING, (0, 2 * 20 * 6 + 20 * 5))
    assert found.judge.written == 340 * 8
    recipe["judge_audit"]["judge"] = None
    assert "honesty" not in measured(Recipe.model_validate(recipe))


def test_items_are_counted_in_the_data(tmp_path: Path) -> None:
    (tmp_path / "input_data.jsonl").write_text("".join(json.dumps({"key": n}) + "\n" for n in range(9)))
    negatives = tmp_path / "negatives.jsonl"
    negatives.write_text('{"prompt": "p", "response": "r"}\n\n' * 3)
    recipe = with_benchmarks(
        ifeval={"data": str(tmp_path)}, refinement={"data": str(negatives), "limit": 2, "judge": JUDGE}
    )
    assert benchmark_items(recipe) == {
        "ifeval": counted(9, 9),
        "refinement": counted(2, 2),
    }
    assert benchmark_items(with_benchmarks(refinement={"data": "world:story"}))["refinement"].items == 200


def test_bounds_add_up() -> None:
    few = calls(3, 10, 100, least=1)
    assert few == CallEstimate(least=1, most=3, written=30, read=300)
    assert few.plus(calls(2, 5, 7)).times(2) == CallEstimate(least=6, most=10, written=80, read=628)
    assert few.spent.tokens == 330
    with pytest.raises(AttributeError):
        few.least = 2  # type: ignore[misc]
