"""A pilot's forecast against the whole run, on a clock that is the same on every machine; and its parts."""

import random
from typing import Any

import pytest

from spar.errors import DataError
from spar.method.records import Prompt
from spar.planning.chains import by_kind, chains_of, of_units
from spar.planning.fitting import covered_seconds, fit_pace
from spar.planning.forecast import forecast
from spar.planning.pace import Pace
from spar.planning.pilot import PilotFacts, PilotTraining, pilot_prompts, pilot_recipe
from spar.planning.queueing import Task, timeline
from spar.recipes.models import BudgetSettings, EvaluationSettings, PriceSettings, Recipe
from spar.runtime.trace import Call, append_calls, read_calls
from spar.testing.behaviour import SimulatedBehaviour
from spar.worlds.story.prompts import generate_prompts
from tests.unit.planning.loop import COSTS, run_shards

WHOLE = 160
FREE = PriceSettings()
WORKLOADS: dict[str, tuple[SimulatedBehaviour, dict[str, Any]]] = {
    "as simulated": (SimulatedBehaviour(), {}),
    "weak refiner, long verdicts, depth first": (
        SimulatedBehaviour(refinement_good=0.15, verdict_words=(20, 60)),
        {"search": {"policy": "dfs", "keep": 1, "depth": 4}, "judgment": {"votes": 3, "quorum": 2}},
    ),
    "strong actor, long responses, greedy": (
        SimulatedBehaviour(response_good=0.8, response_words=(40, 120)),
        {"search": {"policy": "greedy"}, "generation": {"n": 8}},
    ),
}


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "test",
            "iterations": 1,
            "models": {"actor": "hub:a@1", "refiner": "hub:r@1"},
            "prompts": {"source": "world:story", "per_iteration": WHOLE, "shard_size": 16},
            "templates": "compact",
            "engine": {"kind": "simulated", "max_batch": COSTS.max_sequences},
            **changes,
        }
    )


def prompts(number: int = WHOLE) -> list[Prompt]:
    return [Prompt.of(text) for text in generate_prompts(number, 0, "selfplay")]


def facts(calls: list[Call], chosen: list[Prompt], **more: Any) -> PilotFacts:
    return PilotFacts(tuple(chosen), tuple(calls), result_bytes=1000 * len(chosen), pairs=len(chosen) // 2, **more)


@pytest.mark.parametrize("name", list(WORKLOADS))
def test_a_pilot_of_32_prompts_forecasts_the_whole_run_within_a_fifth(name: str) -> None:
    behaviour, changes = WORKLOADS[name]
    wanted = recipe(**changes)
    chosen = pilot_prompts(prompts(), wanted, 32)
    pilot, whole = run_shards(wanted, chosen, behaviour), run_shards(wanted, prompts(), behaviour)
    found = forecast(wanted, facts(pilot.calls, chosen), FREE, window=32).total
    truth = {
        "calls": whole.usage.calls,
        "tokens": whole.usage.prompt_tokens + whole.usage.completion_tokens,
        "hours": whole.seconds / 3600,
    }
    off = {what: getattr(found, what).value / value - 1 for what, value in truth.items()}
    assert all(abs(each) < 0.2 for each in off.values()), off
    # Not by luck: time in proportion to prompts would be far off, for a pilot does not fill the engine.
    assert pilot.seconds * WHOLE / 32 / whole.seconds > 1.2


def pace_of(calls: list[Call], units: list[str], sequences: int) -> Pace | None:
    chains, kinds = by_kind(calls), list(dict.fromkeys(each.kind for each in calls))
    return fit_pace(
        calls,
        [of_units(chains, kinds, units[first : first + 16]) for first in range(0, len(units), 16)],
        [],
        kinds,
        32,
        sequences,
    )


def test_an_engines_pace_is_read_off_its_calls() -> None:
    chosen = prompts(32)
    calls = run_shards(recipe(), chosen, SimulatedBehaviour()).calls
    found = pace_of(calls, [each.id for each in chosen], COSTS.max_sequences)
    assert found is not None
    for running in (50, COSTS.max_sequences):
        assert found.step + found.token * running == pytest.approx(COSTS.step(running), rel=0.1)


def test_an_endpoint_whose_calls_take_a_time_of_their_own() -> None:
    rng = random.Random(1)
    calls = [Call("generation", "", "p", 10, (rng.randint(5, 50),), float(i), i + 0.7) for i in range(40)]
    found = pace_of(calls, ["p"], 256)
    assert found is not None
    assert found.call == pytest.approx(0.7, rel=0.01)
    assert pace_of([], [], 256) is None


def test_pauses_of_a_pilot_do_not_count() -> None:
    assert covered_seconds([call("a", 0, 2), call("b", 1, 3), call("c", 100, 101)]) == pytest.approx(4)


def call(unit: str, began: float, ended: float, *lengths: int, kind: str = "refinement", part: str = "") -> Call:
    return Call(kind, part, unit, 100, lengths, began, ended)


def test_a_call_waits_for_the_last_that_ended_before_it() -> None:
    chain = chains_of([call("p", 0, 2, 5), call("p", 0, 3, 5), call("p", 3.1, 4, 5), call("p", 2.1, 5, 5)])["p"]
    assert [task.after for task in chain] == [None, None, 0, 1]


SEQUENTIAL = Pace(call=0.0, step=1.0, token=0.0, prompt_token=0.0, sequences=2)


def test_the_queue_takes_as_long_as_its_sequences_need() -> None:
    three = [[Task(None, 0, (10,))] for _ in range(3)]
    assert timeline([{"g": three}], [], ["g"], 8, SEQUENTIAL).seconds == pytest.approx(20)  # two run, the third queues
    chain = [Task(None, 0, (4,)), Task(0, 0, (6,))]
    assert timeline([{"g": [chain]}], [], ["g"], 8, SEQUENTIAL).seconds == pytest.approx(10)
    steps = [{"g": [[Task(None, 0, (4,))]], "j": [[Task(None, 0, (3,))]]} for _ in range(2)]
    both = timeline(steps, [], ["g", "j"], 1, SEQUENTIAL)
    assert both.seconds == pytest.approx(14)  # one step at a time
    assert both.covered == pytest.approx({"g": 8, "j": 6})
    assert timeline([{"g": [], "j": [[Task(None, 0, (3,))]]}], [], ["g", "j"], 1, SEQUENTIAL).seconds == pytest.approx(
        3
    )


def test_reading_prompts_and_calls_take_time_too() -> None:
    pace = Pace(call=0.5, step=1.0, token=0.1, prompt_token=0.01, sequences=8)
    found = timeline([{"g": [[Task(None, 100, (10, 10))]]}], [], ["g"], 1, pace)
    assert found.seconds == pytest.approx(0.5 + 1.0 + 10 * 1.2)


def test_measurements_beside_and_trainings_between_count() -> None:
    settings = EvaluationSettings(actor_prompts=200, judge_items=100, refine_items=100)
    wanted = recipe(iterations=3, evaluation=settings.model_dump())
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 10, kind="generation") for each in chosen]
    calls += [call(f"e{i}", 0, 1, 10, kind="evaluation", part="actor") for i in range(20)]
    calls += [call(f"r{i}", 0, 1, 10, kind="evaluation", part="refiner") for i in range(20)]
    small = EvaluationSettings(actor_prompts=20, judge_items=10, refine_items=10)
    trained = (PilotTraining("actor", 1, 2.0, 30.0), PilotTraining("refiner", 1, 0.5, 10.0))
    once = forecast(wanted, facts(calls, chosen, evaluation=small), FREE, 32)
    by_step = {each.step: each for each in once.steps}
    assert by_step["generation"].calls.value == 3 * WHOLE
    assert by_step["evaluation"].calls.value == 4 * 400
    both = forecast(wanted, facts(calls, chosen, evaluation=small, trainings=trained), FREE, 32)
    assert {each.step: each for each in both.steps}["evaluation"].calls.value == 2 * 400
    # 80 pairs in batches of 32 are 3 steps of the actor: 36 s an iteration.
    assert both.training_steps == {"actor": 3}
    assert {each.step: each for each in both.steps}["training"].hours.value == pytest.approx(3 * 36 / 3600)
    assert any("without trainings" in note for note in once.notes)


def test_money_is_tokens_and_hours() -> None:
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 50, kind="generation") for each in chosen]
    wanted = recipe()
    price = PriceSettings(prompt_million=1.0, completion_million=10.0)
    found = forecast(wanted, facts(calls, chosen), price, 32).total
    assert found.money is not None
    assert found.money.value == pytest.approx(WHOLE * (100 * 1.0 + 50 * 10.0) / 1e6)
    hourly = forecast(wanted, facts(calls, chosen), price.model_copy(update={"hour": 3600.0}), 32).total
    assert hourly.money is not None
    assert hourly.money.value == pytest.approx(found.money.value + hourly.hours.value * 3600)
    assert forecast(wanted, facts(calls, chosen), FREE, 32).total.money is None


def test_a_pilot_that_asked_nothing_says_so() -> None:
    with pytest.raises(DataError, match="made no call"):
        forecast(recipe(), facts([], prompts(16)), FREE, 32)


def test_a_pilot_is_whole_shards_spread_over_the_first_iteration() -> None:
    every = prompts(2 * WHOLE)
    chosen = pilot_prompts(every, recipe(), 20)
    shards = [every[first : first + 16] for first in range(0, WHOLE, 16)]
    assert chosen == [*shards[2], *shards[7]]
    assert pilot_prompts(every, recipe(), 10_000) == every[:WHOLE]


def test_a_pilots_recipe_is_measured_in_proportion_and_stops_before_its_trainings() -> None:
    wanted = recipe(iterations=3, evaluation={"actor_prompts": 2000, "judge_items": 1000, "refine_items": 20})
    small = pilot_recipe(wanted, 32, train=False)
    assert (small.iterations, small.prompts.per_iteration) == (1, 32)
    assert small.budget.trainings == 0
    assert small.evaluation is not None
    assert (small.evaluation.actor_prompts, small.evaluation.judge_items, small.evaluation.refine_items) == (
        400,
        200,
        16,
    )
    assert pilot_recipe(wanted, 32, train=True).budget == BudgetSettings()


def test_calls_outlive_their_process(tmp_path: Any) -> None:
    path = tmp_path / "trace.jsonl"
    calls = [call("p", 0, 1, 5, 6), call("q", 1, 2)]
    append_calls(path, calls[:1])
    append_calls(path, calls[1:])
    assert read_calls(path) == calls
    assert read_calls(tmp_path / "none") == []
    path.write_text("{broken")
    with pytest.raises(DataError, match="cannot be read"):
        read_calls(path)


def test_calls_of_other_prompts_are_shared() -> None:
    assert set(by_kind([call("a", 0, 1, 3), call("b", 0, 1, 3, kind="judgment")])) == {"refinement", "judgment"}
