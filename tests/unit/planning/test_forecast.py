"""A pilot's forecast against the whole run, on a clock that is the same on every machine; and its parts."""

import random
from typing import Any

import pytest

from spar.errors import DataError
from spar.method.records import Prompt
from spar.planning.call_estimates import CallEstimate
from spar.planning.chains import by_kind, chains_of, of_units
from spar.planning.fitting import Play, covered_seconds, fit_pace
from spar.planning.forecast import forecast
from spar.planning.hours import init_steps
from spar.planning.pace import EnginePace
from spar.planning.parts import asks_teacher
from spar.planning.pilot import InitFacts, PilotFacts, PilotTraining, initial_prompts, pilot_prompts, pilot_recipe
from spar.planning.queueing import QueuedCall, timeline
from spar.recipes.init import ACTOR, FIRST, REFINER, role_of
from spar.recipes.models import BudgetSettings, CallPrice, EvaluationSettings, PriceSettings, Recipe
from spar.runtime.trace import TracedCall, append_calls, read_calls
from spar.testing.batching import CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.worlds.story.prompts import generate_prompts
from tests.unit.planning.loop import COSTS, run_all, run_shards

WHOLE = 160
FREE = PriceSettings()
WORKLOADS: dict[str, tuple[SimulatedBehaviour, dict[str, Any]]] = {
    "as simulated": (SimulatedBehaviour(), {}),
    "weak refiner, long verdicts, depth first": (
        SimulatedBehaviour(refinement_good=0.15, verdict_words=(20, 60)),
        {"search": {"policy": "dfs", "beam_width": 1, "depth": 4}, "judgment": {"votes": 3, "quorum": 2}},
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


def facts(calls: list[TracedCall], chosen: list[Prompt], **more: Any) -> PilotFacts:
    return PilotFacts(
        prompts=tuple(chosen), calls=tuple(calls), result_bytes=1000 * len(chosen), pairs=len(chosen) // 2, **more
    )


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


SLOW = CostModel(max_sequences=64, step_base=0.05, step_per_sequence=0.001, prefill_per_token=0.00005)
BEFORE = {ACTOR: 240, REFINER: 160}
STEP_S, FIXED_S = 1.5, 20.0


def trained(prompts: int) -> float:
    """Seconds of a starting model's training, a row a prompt."""
    return FIXED_S + STEP_S * (prompts // 32)


@pytest.mark.parametrize("teacher", ["on the run's engine", "on a slow engine of its own"])
def test_a_pilot_forecasts_a_run_that_makes_its_starting_models(teacher: str) -> None:
    apart = teacher != "on the run's engine"
    engine = {"engine": {"kind": "openai", "url": "http://t/v1", "max_batch": SLOW.max_sequences}} if apart else {}
    schooling = {
        "teacher": {"model": "served:t", **engine},
        "prompts": {role_of(iteration): number for iteration, number in BEFORE.items()},
        "generation": {"n": 2},
        **{role: {"epochs": 1, "batch_size": 32} for role in ("actor", "refiner")},
    }
    wanted, behaviour = recipe(iterations=1, init=schooling), SimulatedBehaviour()
    each = prompts(WHOLE + sum(BEFORE.values()))
    parts = {ACTOR: each[:240], REFINER: each[240:400], FIRST: each[400:]}
    chosen = {**initial_prompts(each[:400], wanted, 32), FIRST: pilot_prompts(parts[FIRST], wanted, 32)}
    assert [len(mine) for mine in chosen.values()] == [32, 32, 32]
    costs = SLOW if apart else None
    small = run_all(wanted, chosen, behaviour, {iteration: trained(32) for iteration in BEFORE}, costs)
    whole = run_all(
        wanted, parts, behaviour, {iteration: trained(number) for iteration, number in BEFORE.items()}, costs
    )
    seen = facts(
        small.calls,
        chosen[FIRST],
        trainings=tuple(
            PilotTraining(role=str(role_of(i)), steps=1, step_s=STEP_S, fixed_s=FIXED_S, iteration=i) for i in BEFORE
        ),
        initial={i: InitFacts(tuple(chosen[i]), {"response": 32}, 3200) for i in BEFORE},
    )
    price = PriceSettings(completion_million=1.0, teacher=CallPrice(completion_million=10.0))
    found = forecast(wanted, seen, price, window=32)
    taught = sum(call.completion_tokens for call in whole.calls if asks_teacher(call.kind))
    truth = {
        "calls": whole.usage.calls,
        "tokens": whole.usage.prompt_tokens + whole.usage.completion_tokens,
        "money": (whole.usage.completion_tokens + 9 * taught) / 1e6,
        "hours": whole.seconds / 3600,
    }
    off = {what: getattr(found.total, what).value / value - 1 for what, value in truth.items()}
    assert all(abs(each) < 0.2 for each in off.values()), off
    assert [step.step for step in found.steps][:4] == [
        "init actor: generation", "init refiner: generation", "init refiner: judgment", "init refiner: refinement",
    ]  # fmt: skip
    assert (found.training_steps["init actor"], found.training_steps["init refiner"]) == (8, 5)
    assert found.result_bytes.value == pytest.approx(WHOLE * 1000 + 100 * (240 + 160))
    # The run finds what the teacher responded; the pilot's models are not its own.
    assert found.done.calls == sum(call.kind == "init actor: generation" for call in small.calls) == 32
    assert any("32 prompts instead of 240 (init actor)" in note for note in found.notes)


def test_given_sets_are_trained_on_whole_and_nothing_is_asked_for_them(tmp_path: Any) -> None:
    given = tmp_path / "set.jsonl"
    given.write_text("{}")
    data = {"data": {"actor": [str(given)], "refiner": [str(given)]}}
    calls = run_shards(recipe(), prompts(16), SimulatedBehaviour()).calls
    trainings = tuple(
        PilotTraining(role=str(role_of(i)), steps=100, step_s=36.0, fixed_s=0.0, iteration=i) for i in BEFORE
    )
    found = forecast(recipe(init=data), facts(calls, prompts(16), trainings=trainings), FREE, 32)
    assert {each.step: each for each in found.steps}["training"].hours.value == pytest.approx(2.0)
    assert set(found.training_steps) == {"actor"}
    assert found.done.calls == len(calls)


def test_stages_are_taken_in_proportion_to_what_the_plan_counts() -> None:
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 40, kind="generation") for each in chosen]
    calls += [call(each.id, 1, 2, 10, kind="judgment") for each in chosen for _ in range(5)]
    calls += [call(each.id, 2, 3, 10) for each in chosen]
    doubled = {"iterations": [2], "generation": {"n": 10}}
    plain = {"iterations": [3], "selection": {"pairs": "sampled"}}
    searching = {"iterations": 3, "generation": {"n": 5}, "stages": [doubled, plain]}
    found = {each.step: each for each in forecast(recipe(**searching), facts(calls, chosen), FREE, 32).steps}
    assert found["generation"].calls.value == 3 * WHOLE
    assert found["generation"].completion_tokens.value == (1 + 2 + 1) * WHOLE * 40
    assert found["judgment"].calls.value == (1 + 2 + 1) * WHOLE * 5
    assert found["refinement"].calls.value == (1 + 1 + 0) * WHOLE
    later = recipe(**{**searching, "selection": {"pairs": "sampled"}, "stages": [{**plain, "selection": {}}]})
    notes = forecast(later, facts([each for each in calls if each.kind != "refinement"], chosen), FREE, 32).notes
    assert any("refinement begins after the first iteration: 0 to 4,800 further calls" in note for note in notes)


def test_one_model_is_trained_on_both_sets() -> None:
    schooling = {
        "teacher": {"model": "served:t"},
        "prompts": {"actor": 64, "refiner": 32},
        **{role: {"epochs": 1, "batch_size": 8} for role in ("actor", "refiner")},
    }
    seen = facts([], [], initial={i: InitFacts(tuple(prompts(16)), {"response": 16}) for i in BEFORE})
    assert init_steps(recipe(init=schooling), seen) == {ACTOR: 8, REFINER: 4}
    one = {"actor": "hub:a@1", "refiner": "hub:a@1", "shared": True}
    assert init_steps(recipe(init=schooling, models=one), seen) == {ACTOR: 8, REFINER: 12}
    assert init_steps(recipe(), seen) == {}


def test_a_starting_model_whose_results_were_there_is_left_out_and_told() -> None:
    schooling = {"teacher": {"model": "served:t"}, "prompts": {"actor": 16, "refiner": 16}}
    calls = run_shards(recipe(), prompts(16), SimulatedBehaviour()).calls
    seen = facts(calls, prompts(16), initial={iteration: InitFacts(tuple(prompts(16))) for iteration in BEFORE})
    found = forecast(recipe(init=schooling), seen, FREE, 32)
    assert [step.step for step in found.steps] == ["generation", "judgment", "refinement"]
    assert sum("found all results of init" in note for note in found.notes) == 2


def test_an_audits_calls_are_those_of_its_slice() -> None:
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 10, kind="generation") for each in chosen]
    calls += [call(each.id, 0, 1, 10, kind="honesty") for each in chosen[:8] for _ in range(2)]
    audit = {"prompts": 8, "judge": {"url": "http://j/v1", "model": "j"}}
    found = forecast(recipe(iterations=3, judge_audit=audit), facts(calls, chosen), FREE, 32)
    assert {each.step: each.calls.value for each in found.steps} == {"generation": 3 * WHOLE, "honesty": 3 * 16}


def test_benchmarks_are_told_as_the_plan_counts_them() -> None:
    calls = [call(each.id, 0, 1, 10, kind="generation") for each in prompts(16)]
    found = forecast(recipe(), facts(calls, prompts(16)), FREE, 32, CallEstimate(least=800, most=1200))
    assert any("800 to 1,200 further calls" in note for note in found.notes)


def pace_of(calls: list[TracedCall], units: list[str], sequences: int) -> EnginePace | None:
    chains, kinds = by_kind(calls), list(dict.fromkeys(each.kind for each in calls))
    shards = [of_units(chains, kinds, units[first : first + 16]) for first in range(0, len(units), 16)]
    return fit_pace(calls, [Play(shards, kinds)], 32, sequences)


def test_an_engines_pace_is_read_off_its_calls() -> None:
    chosen = prompts(32)
    calls = run_shards(recipe(), chosen, SimulatedBehaviour()).calls
    found = pace_of(calls, [each.id for each in chosen], COSTS.max_sequences)
    assert found is not None
    for running in (50, COSTS.max_sequences):
        assert found.step + found.token * running == pytest.approx(COSTS.step(running), rel=0.1)


def test_an_endpoint_whose_calls_take_a_time_of_their_own() -> None:
    rng = random.Random(1)
    calls = [
        TracedCall(
            kind="generation",
            part="",
            unit="p",
            prompt_tokens=10,
            lengths=(rng.randint(5, 50),),
            began=float(i),
            ended=i + 0.7,
        )
        for i in range(40)
    ]
    found = pace_of(calls, ["p"], 256)
    assert found is not None
    assert found.call == pytest.approx(0.7, rel=0.01)
    assert pace_of([], [], 256) is None


def test_pauses_of_a_pilot_do_not_count() -> None:
    assert covered_seconds([call("a", 0, 2), call("b", 1, 3), call("c", 100, 101)]) == pytest.approx(4)


def call(unit: str, began: float, ended: float, *lengths: int, kind: str = "refinement", part: str = "") -> TracedCall:
    return TracedCall(kind=kind, part=part, unit=unit, prompt_tokens=100, lengths=lengths, began=began, ended=ended)


def test_a_call_waits_for_the_last_that_ended_before_it() -> None:
    chain = chains_of([call("p", 0, 2, 5), call("p", 0, 3, 5), call("p", 3.1, 4, 5), call("p", 2.1, 5, 5)])["p"]
    assert [task.after for task in chain] == [None, None, 0, 1]


SEQUENTIAL = EnginePace(call=0.0, step=1.0, token=0.0, prompt_token=0.0, sequences=2)


def test_the_queue_takes_as_long_as_its_sequences_need() -> None:
    three = [[QueuedCall(None, 0, (10,))] for _ in range(3)]
    assert timeline([{"g": three}], [], ["g"], 8, SEQUENTIAL).seconds == pytest.approx(20)  # two run, the third queues
    chain = [QueuedCall(None, 0, (4,)), QueuedCall(0, 0, (6,))]
    assert timeline([{"g": [chain]}], [], ["g"], 8, SEQUENTIAL).seconds == pytest.approx(10)
    steps = [{"g": [[QueuedCall(None, 0, (4,))]], "j": [[QueuedCall(None, 0, (3,))]]} for _ in range(2)]
    both = timeline(steps, [], ["g", "j"], 1, SEQUENTIAL)
    assert both.seconds == pytest.approx(14)  # one step at a time
    assert both.covered == pytest.approx({"g": 8, "j": 6})
    assert timeline(
        [{"g": [], "j": [[QueuedCall(None, 0, (3,))]]}], [], ["g", "j"], 1, SEQUENTIAL
    ).seconds == pytest.approx(3)


def test_reading_prompts_and_calls_take_time_too() -> None:
    pace = EnginePace(call=0.5, step=1.0, token=0.1, prompt_token=0.01, sequences=8)
    found = timeline([{"g": [[QueuedCall(None, 100, (10, 10))]]}], [], ["g"], 1, pace)
    assert found.seconds == pytest.approx(0.5 + 1.0 + 10 * 1.2)


def test_measurements_beside_and_trainings_between_count() -> None:
    settings = EvaluationSettings(actor_prompts=200, judge_items=100, refine_items=100)
    wanted = recipe(iterations=3, evaluation=settings.model_dump())
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 10, kind="generation") for each in chosen]
    calls += [call(f"e{i}", 0, 1, 10, kind="evaluation", part="actor") for i in range(20)]
    calls += [call(f"r{i}", 0, 1, 10, kind="evaluation", part="refiner") for i in range(20)]
    small = EvaluationSettings(actor_prompts=20, judge_items=10, refine_items=10)
    trained = (
        PilotTraining(role="actor", steps=1, step_s=2.0, fixed_s=30.0),
        PilotTraining(role="refiner", steps=1, step_s=0.5, fixed_s=10.0),
    )
    once = forecast(wanted, facts(calls, chosen, evaluation=small), FREE, 32)
    by_step = {each.step: each for each in once.steps}
    assert by_step["generation"].calls.value == 3 * WHOLE
    assert by_step["evaluation"].calls.value == 4 * 400
    both = forecast(wanted, facts(calls, chosen, evaluation=small, trainings=trained), FREE, 32)
    assert {each.step: each for each in both.steps}["evaluation"].calls.value == 2 * 400
    # 80 pairs in batches of 32 are 3 steps of the actor: 36 s an iteration.
    assert both.training_steps == {"actor": 3}
    assert {each.step: each for each in both.steps}["training"].hours.value == pytest.approx(3 * 36 / 3600)
    assert any("exclude trainings" in note for note in once.notes)


def test_a_refiner_that_is_kept_is_measured_once() -> None:
    settings = EvaluationSettings(actor_prompts=100, judge_items=60, refine_items=40)
    chosen = prompts(16)
    calls = [call(each.id, 0, 1, 10, kind="generation") for each in chosen]
    # A second for ten tokens: a refiner's items take ten times as long as an actor's.
    for part, seconds in (("actor", 1), ("refiner", 10)):
        calls += [call(f"{part}{i}", 0, seconds, 10 * seconds, kind="evaluation", part=part) for i in (1, 2)]
    small = EvaluationSettings(actor_prompts=2, judge_items=1, refine_items=1)
    both = {
        kept: forecast(
            recipe(iterations=3, evaluation=settings.model_dump(), training={"train_refiner": not kept}),
            facts(calls, chosen, evaluation=small),
            FREE,
            32,
        )
        for kept in (True, False)
    }
    measured = {kept: {each.step: each for each in found.steps}["evaluation"] for kept, found in both.items()}
    assert measured[False].calls.value == 4 * (100 + 100)
    assert measured[True].calls.value == 4 * 100 + 100
    assert measured[False].hours.value == pytest.approx(40 / 3600, rel=0.1)
    assert measured[True].hours.value == pytest.approx(13 / 3600, rel=0.1)


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
