"""Several runs at once: how they share the window, whose turn it is, what they compute together, how they end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlmodel import Session, select

from services.coordinator.fair_share import Load, even_parts, window_of
from spar.db.tables import Event, Orphan, PromptOutcome, Run, Step, StoredResult
from spar.messages.states import RunStatus, StepState
from tests.unit.coordinator.stage import NOTHING_EXPIRES, Stage

TWO = replace(NOTHING_EXPIRES, runs=2)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, TWO)
    yield stage
    stage.check_counters()
    stage.database.dispose()


def status(stage: Stage, *runs: str) -> list[RunStatus]:
    with Session(stage.database) as session:
        return [session.get_one(Run, run).status for run in runs]


def in_flight(stage: Stage, run: str) -> int:
    flying = (StepState.DISPATCHED, StepState.RUNNING)
    return sum(step.run_id == run and step.state in flying for step in stage.rows(Step))


def waiting(stage: Stage, queue: str = "generation") -> Counter[str]:
    return Counter(message["run_id"] for _, message in stage.broker.queues.get(queue, []))


def submit(stage: Stage, name: str, seed: int, **more: Any) -> str:
    """Of its own seed, so that it shares no results."""
    return stage.submit(name=name, seed=seed, **more)


# ---- the arithmetic ----


@pytest.mark.parametrize(
    ("wanted", "room", "parts"),
    [
        ([5, 5], 4, [2, 2]),
        ([5, 5], 5, [3, 2]),
        ([1, 9], 6, [1, 5]),
        ([0, 9, 9], 6, [0, 3, 3]),
        ([9, 9, 9], 2, [1, 1, 0]),
        ([2, 2], 9, [2, 2]),
        ([], 3, []),
        ([3], 0, [0]),
    ],
)
def test_parts_are_even_as_far_as_they_are_wanted(wanted: list[int], room: int, parts: list[int]) -> None:
    assert even_parts(wanted, room) == parts


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(0, 100))
def test_no_part_is_wasted_and_nobody_is_poorer_than_one_who_wants_more(wanted: Sequence[int], room: int) -> None:
    parts = even_parts(wanted, room)
    assert sum(parts) == min(room, sum(wanted))
    assert all(part <= want for part, want in zip(parts, wanted, strict=True))
    unsatisfied = [part for part, want in zip(parts, wanted, strict=True) if part < want]
    assert all(part <= min(unsatisfied) + 1 for part in parts if unsatisfied)


def test_a_window_never_goes_beyond_what_others_have_left() -> None:
    loads = [Load(run_id="new", in_flight=0, ready=9, window=64), Load(run_id="old", in_flight=8, ready=9, window=64)]
    assert window_of("new", loads, 10) == 2  # its part is 5; 8 are still in flight
    assert window_of("old", loads, 10) == 5
    assert window_of("ended", loads, 10) == 10


# ---- the coordinator ----


def test_as_many_runs_as_told_go_on_at_once_and_the_rest_are_queued(stage: Stage) -> None:
    runs = [submit(stage, name, seed) for seed, name in enumerate(("first", "second", "third"))]
    assert status(stage, *runs) == [RunStatus.RUNNING, RunStatus.RUNNING, RunStatus.QUEUED]
    with Session(stage.database) as session:
        session.get_one(Run, runs[0]).status = RunStatus.FINISHED
        session.commit()
    stage.coordinator.tick()
    assert status(stage, *runs) == [RunStatus.FINISHED, RunStatus.RUNNING, RunStatus.RUNNING]


def test_more_runs_than_told_go_on_when_the_setting_was_lowered(stage: Stage) -> None:
    runs = [submit(stage, name, seed, dispatch={"window": 1}) for seed, name in enumerate(("first", "second", "third"))]
    stage.limits = NOTHING_EXPIRES
    stage.restart()
    stage.broker.next_loss = stage.broker.next_loss.NONE
    stage.finish(stage.take())
    stage.coordinator.tick()
    assert status(stage, *runs) == [RunStatus.RUNNING, RunStatus.RUNNING, RunStatus.QUEUED]


def test_a_window_that_is_short_is_shared_by_turns(tmp_path: Path) -> None:
    stage = Stage(tmp_path, replace(TWO, window=1))
    runs = [submit(stage, name, seed) for seed, name in enumerate("ab")]
    took = []
    for number in range(6):
        [queue] = [name for name in ("refinement", "judgment", "generation") if waiting(stage, name)]
        message = stage.take(queue)
        took.append(message["run_id"])
        assert sum(in_flight(stage, run) for run in runs) == 1
        stage.finish(message, f"results/{message['fingerprint']}/{number}")
    assert took == [runs[0], runs[1]] * 3
    stage.database.dispose()


def test_a_run_that_begins_gets_its_part_as_the_other_ones_steps_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, replace(TWO, window=2))
    first = submit(stage, "first", 1)
    assert in_flight(stage, first) == 2
    second = submit(stage, "second", 2)
    assert in_flight(stage, second) == 0
    message = stage.take()
    stage.finish(message, f"results/{message['fingerprint']}/aa")
    assert (in_flight(stage, first), in_flight(stage, second)) == (1, 1)
    stage.database.dispose()


def test_what_a_run_cannot_use_the_other_one_has(tmp_path: Path) -> None:
    """Its engine is ill: its steps wait, and hold no part of the window."""
    stage = Stage(tmp_path, replace(TWO, window=2))
    ill, well = (submit(stage, name, seed) for seed, name in enumerate(("ill", "well")))
    for message in (stage.take(), stage.take()):
        stage.fail(message, reason="EngineUnavailable")
    assert (in_flight(stage, ill), in_flight(stage, well)) == (0, 2)
    assert status(stage, ill, well) == [RunStatus.RUNNING, RunStatus.RUNNING]
    stage.database.dispose()


def test_a_step_that_another_run_is_at_waits_for_its_result(stage: Stage) -> None:
    first = stage.submit(name="first")
    second = stage.submit(name="second", training={"actor": {"learning_rate": 1e-3}})
    assert waiting(stage) == Counter({first: 3})
    for number in range(3):
        stage.finish(stage.take(), f"results/x/{number}")
    assert waiting(stage) == Counter()
    generations = [step for step in stage.steps() if step.run_id == second]
    assert [step.state for step in generations] == [StepState.DONE] * 3
    assert all(step.reused for step in generations)
    # The judgments are the same again, so one run asks for them.
    assert waiting(stage, "judgment") == Counter({first: 3})
    assert stage.rows(Orphan) == []


def test_a_twin_goes_out_when_the_first_one_gives_up(stage: Stage) -> None:
    first = stage.submit(name="first")
    second = stage.submit(name="second", training={"actor": {"learning_rate": 1e-3}})
    message = stage.take()
    stage.fail(message, reason="DataError", retry=False)
    assert waiting(stage) == Counter({first: 2, second: 1})


def test_a_second_result_is_an_orphan_whichever_run_it_came_from(stage: Stage) -> None:
    stage.submit(name="first")
    message = stage.take()
    with Session(stage.database) as session:  # as if its worker had been silent, and the lease had ended
        session.get_one(Step, message["step_id"]).state = StepState.RUNNING
        session.commit()
    stage.finish(message, "results/x/aa")
    stage.submit(name="second", training={"actor": {"learning_rate": 1e-3}})
    stage.finish(message, "results/x/bb")
    assert [row.key for row in stage.rows(StoredResult)] == ["results/x/aa"]
    assert [row.key for row in stage.rows(Orphan)] == ["results/x/bb"]


def test_both_runs_finish_and_their_outcomes_add_up(stage: Stage) -> None:
    runs = [submit(stage, "first", 1), submit(stage, "second", 2)]
    for queue in ("generation", "judgment", "refinement"):
        for number in range(6):
            stage.finish(stage.take(queue), f"results/{queue}/{number}")
    assert waiting(stage, "training") == Counter(runs)
    for kind in ("selection", "training"):
        for message in [stage.take("training") for _ in range(waiting(stage, "training").total())]:
            key = stage.put_selection(message) if kind == "selection" else f"results/{message['fingerprint']}/aa"
            stage.finish(message, key)
    assert status(stage, *runs) == [RunStatus.FINISHED, RunStatus.FINISHED]
    outcomes = Counter(row.run_id for row in stage.rows(PromptOutcome))
    assert outcomes == Counter({runs[0]: 6, runs[1]: 6})


def test_a_run_that_cannot_go_on_leaves_the_other_alone(stage: Stage) -> None:
    first = submit(stage, "first", 1)
    second = submit(stage, "second", 2, iterations=2)
    with Session(stage.database) as session:  # its books are wrong: whatever it does next raises
        row = session.exec(select(Run).where(Run.id == second)).one()
        row.recipe = {**row.recipe, "iterations": 0}
        session.commit()
    with pytest.raises(ValidationError):
        stage.coordinator.tick()
    stage.coordinator.fail_run("ValidationError")  # as the inbox does
    assert status(stage, first) == [RunStatus.RUNNING]
    assert [event.run_id for event in stage.rows(Event) if event.name == "run_failed"] == [second]
