"""Figures computed by hand for two shards, and what has to add up whatever a run looked like."""

import random
from dataclasses import replace

import pytest

from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.coordinator import StepTimings
from spar.report.profile.build import build_profile
from spar.report.profile.model import Limit, MoreWorkers, PathStep, RunningTime, RunProfile
from spar.report.profile.steps import EndedStep
from tests.unit.report.profile.steps import TWO_SHARDS, ended, profiled


@pytest.fixture
def made() -> RunProfile:
    return build_profile(profiled(TWO_SHARDS, 91))


def test_by_kind(made: RunProfile) -> None:
    generation, refinement, selection, training = made.kinds
    assert (generation.kind, generation.steps, generation.reused) == (StepKind.GENERATION, 2, 0)
    assert (generation.held_s, generation.queued_s, generation.by_clock_s) == (0, 10, 20)
    # The second one's worker measured nothing: it is not 0 of engine, store and own code.
    assert generation.running == RunningTime(engine_s=8, store_s=1, own_s=1, unknown_s=10)
    assert (refinement.queued_s, refinement.running) == (20, RunningTime(engine_s=59, own_s=1))
    assert (selection.held_s, selection.queued_s, selection.running) == (0.5, 0.5, RunningTime(own_s=1))
    assert training.running == RunningTime(training_s=16, own_s=2)


def test_by_worker(made: RunProfile) -> None:
    by_name = {worker.worker: worker for worker in made.workers}
    generation, selection = by_name["generation"], by_name["selection"]
    assert (generation.busy.total_s, generation.queue_s, generation.idle_s) == (20, 0, 71)
    assert (selection.busy.total_s, selection.queue_s, selection.idle_s) == (1, 0.5, 89.5)
    assert {worker.at_once for worker in made.workers} == {1}


def test_the_critical_path(made: RunProfile) -> None:
    [iteration] = made.iterations
    assert [(step.kind, step.part) for step in iteration.path] == [
        (StepKind.GENERATION, "1"),
        (StepKind.REFINEMENT, "1"),
        (StepKind.SELECTION, ""),
        (StepKind.TRAINING, "actor"),
    ]
    refined = PathStep(kind=StepKind.REFINEMENT, part="1", worker="refinement", waited_s=20, running_s=30)
    assert iteration.path[1] == refined
    assert iteration.limits == {
        Limit.ENGINE: 29,
        Limit.TRAINING: 16,
        Limit.OWN_CODE: 4,
        Limit.UNKNOWN: 10,
        Limit.NO_WORKER: 30,
        Limit.COORDINATOR: 2,
    }
    assert iteration.limiting is Limit.NO_WORKER


def test_one_more_worker(made: RunProfile) -> None:
    """Generation: 2 x 10 s side by side. Refinement: 10 to 40 and 20 to 50 in place of 10 to 40 and 40 to 70."""
    assert made.estimates == (
        MoreWorkers(kinds=(StepKind.GENERATION,), workers=2, now_s=20, then_s=10),
        MoreWorkers(kinds=(StepKind.REFINEMENT,), workers=2, now_s=60, then_s=40),
    )
    generation, refinement, largest = made.advice
    assert generation.startswith("generation: steps wait for workers. 2 workers")
    assert "about 40\u202fs instead of 1\u202fmin 00\u202fs (an estimate" in refinement
    assert largest.startswith("engine: 31.9% of the critical path; ")


def test_a_run_in_one_process_is_given_no_further_worker() -> None:
    made = build_profile(profiled(TWO_SHARDS, 91, one_process=True))
    assert made.estimates == ()
    assert [sentence.split(":")[0] for sentence in made.advice] == ["engine"]


def test_workers_that_were_free_would_not_be_helped_by_another() -> None:
    late = ended(StepKind.GENERATION, "0", 30, 40, 10, timings=StepTimings(engine_s=10))
    made = build_profile(profiled([late], 40))
    assert made.iterations[0].limits == {Limit.ENGINE: 10, Limit.COORDINATOR: 30}
    [advice] = made.advice
    assert advice.startswith("coordinator and queue: 75.0%")


def test_an_earlier_attempt_is_what_its_step_waited_for() -> None:
    again = ended(StepKind.GENERATION, "0", 30, 40, 8, attempt=2, timings=StepTimings(engine_s=8))
    made = build_profile(profiled([again], 40))
    assert (made.kinds[0].retried_s, made.kinds[0].held_s, made.kinds[0].queued_s) == (30, 0, 2)
    assert made.iterations[0].limits == {Limit.ENGINE: 8, Limit.COORDINATOR: 2, Limit.RETRIES: 30}


def test_a_reused_result_took_nothing_of_any_worker() -> None:
    made = build_profile(profiled([ended(StepKind.GENERATION, "0", 5, 5, 0, reused=True)], 6))
    assert (made.kinds[0].steps, made.kinds[0].reused, made.kinds[0].running.total_s) == (0, 1, 0)
    assert made.workers == made.estimates == ()
    assert made.iterations[0].limits == {Limit.COORDINATOR: 6}


def test_times_when_the_run_was_not_active_are_nobodys() -> None:
    """Cancelled at 10, resumed at 90."""
    made = build_profile(profiled([ended(StepKind.GENERATION, "0", 91, 100, 8)], 100, active=((0, 10), (90, 100))))
    assert made.active_s == 20
    assert made.kinds[0].held_s == 11
    assert made.workers[0].wall_s == 20
    assert made.iterations[0].limits == {Limit.UNKNOWN: 8, Limit.COORDINATOR: 12, Limit.OFF: 80}


def test_what_was_recomputed_after_it_was_needed_is_not_what_was_waited_for() -> None:
    lost = replace(TWO_SHARDS[1], sent=73.0, ended=85.0)
    made = build_profile(profiled([*TWO_SHARDS[:1], lost, *TWO_SHARDS[2:]], 91))
    assert [step.kind for step in made.iterations[0].path][-2:] == [StepKind.SELECTION, StepKind.TRAINING]
    assert sum(made.iterations[0].limits.values()) == pytest.approx(91)


def test_shards_of_one_worker_are_scheduled_along_their_chains() -> None:
    """One worker for both kinds: A 0-4, B 4-8 generated, then refined 8-12, 12-16. With two: 0-4, then 4-8."""
    steps = [
        ended(StepKind.GENERATION, "0", 0, 4, 4, worker="w"),
        ended(StepKind.GENERATION, "1", 0, 8, 4, worker="w"),
        ended(StepKind.REFINEMENT, "0", 4, 12, 4, worker="w"),
        ended(StepKind.REFINEMENT, "1", 8, 16, 4, worker="w"),
    ]
    [estimate] = build_profile(profiled(steps, 16)).estimates
    assert estimate.kinds == (StepKind.GENERATION, StepKind.REFINEMENT)
    assert (estimate.now_s, estimate.then_s) == (16, 8)


def test_the_starting_models_are_evaluated_in_no_iteration() -> None:
    first = [ended(StepKind.EVALUATION, part, sent, 12, 2, iteration=0) for part, sent in (("a", 3), ("b", 4))]
    made = build_profile(profiled([*TWO_SHARDS, *first], 91))
    assert [iteration.iteration for iteration in made.iterations] == [1]
    evaluation = made.kinds[-1]
    assert (evaluation.kind, evaluation.held_s, evaluation.queued_s) == (StepKind.EVALUATION, 1, 13)


def test_a_worker_that_counts_its_steps_is_believed() -> None:
    """Its reports were booked late: by the times of their ends it had two at once for a third of the time."""
    steps = [
        ended(StepKind.GENERATION, "0", 0, 4, 3, timings=StepTimings(engine_s=3, at_once=1)),
        ended(StepKind.GENERATION, "1", 0, 6, 3, timings=StepTimings(engine_s=3, at_once=1)),
    ]
    made = build_profile(profiled(steps, 6))
    assert made.workers[0].at_once == 1
    assert made.iterations[0].limits == {Limit.ENGINE: 3, Limit.NO_WORKER: 2, Limit.COORDINATOR: 1}
    silent = [replace(step, timings=StepTimings(engine_s=3)) for step in steps]
    assert build_profile(profiled(silent, 6)).workers[0].at_once == 2


def test_nothing_yet() -> None:
    made = build_profile(profiled([], 0, iterations=(), unfinished=3))
    assert (made.kinds, made.workers, made.iterations, made.advice, made.unfinished) == ((), (), (), (), 3)


def random_steps(draw: random.Random) -> list[EndedStep]:
    steps: list[EndedStep] = []
    for shard in range(draw.randint(1, 6)):
        ready = 0.0
        for kind in SHARD_KINDS:
            sent = ready + draw.random() * 3
            began = sent + draw.random() * 3
            seconds = draw.random() * 9
            timings = StepTimings(engine_s=seconds / 2) if draw.random() < 0.8 else None
            attempt, worker = draw.randint(1, 2), f"w{draw.randint(0, 3)}"
            ready = began + seconds
            steps.append(ended(kind, str(shard), sent, ready, seconds, attempt=attempt, worker=worker, timings=timings))
    return steps


@pytest.mark.parametrize("seed", range(30))
def test_seconds_add_up(seed: int) -> None:
    """By worker to the run's time; along the critical path to the iteration's."""
    steps = random_steps(random.Random(seed))
    until = max(step.ended for step in steps) + 1
    made = build_profile(profiled(steps, until))
    for worker in made.workers:
        assert worker.busy.total_s + worker.queue_s + worker.idle_s == pytest.approx(until)
        assert min(worker.busy.total_s, worker.queue_s, worker.idle_s) >= 0
    [iteration] = made.iterations
    assert sum(iteration.limits.values()) == pytest.approx(until)
    for kind in made.kinds:
        assert kind.running.total_s == pytest.approx(sum(step.seconds for step in steps if step.kind is kind.kind))
    assert all(0 < estimate.then_s <= estimate.now_s for estimate in made.estimates)
