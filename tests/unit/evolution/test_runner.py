"""The loop that takes shards through their steps, on a clock that jumps: order, losses, late reports, giving up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from spar.errors import EngineError, EngineUnavailable, ServiceError, SparError
from spar.evolution.runner import ENGINE_FAILURES, LOST, MISSED, ShardRunner
from spar.evolution.steps import EvolutionPlan, ShardEnd
from spar.messages.base import ModelRef, ObjectRef, StepMessage
from spar.messages.coordinator import FailureReason
from spar.messages.evolution import Evolve, Validate
from spar.recipes.models import EngineSettings, SamplingSettings
from spar.store.directory import DirectoryStore
from spar.testing.steps import Script, ScriptedWorkers, dies, finished, works, works_long

PLAN = EvolutionPlan(
    model=ModelRef(fingerprint="m" * 64, location="served:m"),
    engine=EngineSettings(kind="simulated"),
    forms=ObjectRef(key="forms/f"),
    taxonomy=ObjectRef(key="taxonomies/t"),
    sampling=SamplingSettings(temperature=0.7, max_tokens=8),
    retries=0,
    seed=0,
)


@dataclass
class Seen:
    """Looks on; `on_end` is called with each number of shards that have ended."""

    ends: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def ended(self, shards: int) -> None:
        self.ends.append(shards)

    def noticed(self, what: str) -> None:
        self.told.append(what)


@dataclass
class Bench:
    workers: ScriptedWorkers
    seen: Seen = field(default_factory=Seen)

    def run(self, shards: int, window: int = 4) -> list[ShardEnd]:
        prompts = [ObjectRef(key=f"prompts/{shard}") for shard in range(shards)]
        return ShardRunner(
            queue=self.workers, plan=PLAN, window=window, watcher=self.seen, now=lambda: self.workers.now
        ).run(prompts)

    def attempts(self) -> dict[int, list[int]]:
        """The attempts that were sent of each step."""
        found: dict[int, list[int]] = {}
        for message in self.workers.sent:
            found.setdefault(message.step_id, []).append(message.attempt)
        return found

    @property
    def hours(self) -> float:
        return (self.workers.now - ScriptedWorkers(self.workers.store, works).now).total_seconds() / 3600


@pytest.fixture
def bench(tmp_path: Path) -> Callable[[Script], Bench]:
    return lambda script: Bench(ScriptedWorkers(DirectoryStore(tmp_path), script))


def whole(ends: list[ShardEnd]) -> bool:
    return all(end.evolved is not None and end.checked is not None and not end.failure for end in ends)


def at_first(script: Script, then: Script = works, times: int = 1) -> Script:
    """That script for the first attempts of the first step, then the other."""

    def run(workers: ScriptedWorkers, message: StepMessage) -> None:
        early = message.step_id == 1 and message.attempt <= times
        (script if early else then)(workers, message)

    return run


def test_every_shard_takes_both_steps_and_checks_go_first(bench: Callable[[Script], Bench]) -> None:
    made = bench(works)
    assert whole(made.run(5, window=2))
    kinds = [type(message) for message in made.workers.sent]
    assert kinds[:4] == [Evolve, Evolve, Validate, Validate]
    assert (kinds.count(Evolve), kinds.count(Validate)) == (5, 5)
    assert made.seen.ends == [1, 2, 3, 4, 5]
    assert made.seen.told == []


def test_what_is_there_is_not_sent(bench: Callable[[Script], Bench]) -> None:
    made = bench(works)
    first = made.run(3)
    again = Bench(ScriptedWorkers(made.workers.store, dies, made=dict(made.workers.made)))
    assert again.run(3) == first
    assert again.workers.sent == []
    (evolved,) = [message for message in made.workers.sent if isinstance(message, Evolve)][:1]
    del again.workers.made[evolved.fingerprint]
    again.workers.script = works
    assert whole(again.run(3))
    assert [type(message) for message in again.workers.sent] == [Evolve]  # its check is still good


def test_a_worker_that_says_it_lives_is_left_in_peace(bench: Callable[[Script], Bench]) -> None:
    made = bench(works_long)
    assert whole(made.run(2))
    assert all(attempts == [1] for attempts in made.attempts().values())


def test_a_silent_workers_step_is_given_to_another(bench: Callable[[Script], Bench]) -> None:
    made = bench(at_first(dies))
    assert whole(made.run(3))
    assert made.attempts()[1] == [1, 2]
    assert made.seen.told == ["Shard 1: its worker stopped responding; it gets another attempt."]
    assert made.hours < 0.05


def test_workers_that_always_die_on_a_shard_do_not_hold_up_the_others(bench: Callable[[Script], Bench]) -> None:
    made = bench(at_first(dies, times=99))
    ends = made.run(6)
    assert whole(ends[1:])
    assert "its worker stopped responding" in ends[0].failure
    assert made.attempts()[1] == list(range(1, LOST + 1))
    assert sorted(made.seen.ends) == [1, 2, 3, 4, 5, 6]


def test_when_all_die_it_ends_and_says_so(bench: Callable[[Script], Bench]) -> None:
    made = bench(dies)
    with pytest.raises(EngineError, match="its worker stopped responding") as ended:
        made.run(9)
    assert "rerun the command to resume" in ended.value.fix
    assert len(made.workers.sent) <= LOST * (ENGINE_FAILURES + 4)


def stalls(workers: ScriptedWorkers, message: StepMessage) -> None:
    """Silent for two leases, then it finishes after all."""
    workers.begins(message)
    workers.finishes(message, 200)


def test_an_older_attempts_late_result_counts_and_the_newer_ones_is_nothing_new(
    bench: Callable[[Script], Bench],
) -> None:
    def second_takes_longer(workers: ScriptedWorkers, message: StepMessage) -> None:
        workers.begins(message)
        for beat in range(1, 10):
            workers.beats(message, beat * 30.0)
        workers.finishes(message, 300)

    made = bench(at_first(stalls, at_first(second_takes_longer, times=2)))
    assert whole(made.run(3))
    assert made.attempts()[1] == [1, 2]
    assert made.hours == pytest.approx(205 / 3600, rel=0.02)  # it did not wait for the second attempt
    checks = [message for message in made.workers.sent if isinstance(message, Validate)]
    assert len(checks) == 3


def test_a_late_failure_of_an_older_attempt_is_ignored(bench: Callable[[Script], Bench]) -> None:
    def fails_late(workers: ScriptedWorkers, message: StepMessage) -> None:
        workers.begins(message)
        workers.at(95, lambda: workers.fails(message, FailureReason.ENGINE, "It refuses us."))

    made = bench(at_first(fails_late, at_first(works_long, times=2)))
    assert whole(made.run(2))
    assert made.attempts()[1] == [1, 2]


def test_a_lost_report_is_found_in_the_store(bench: Callable[[Script], Bench]) -> None:
    def unheard(workers: ScriptedWorkers, message: StepMessage) -> None:
        workers.begins(message)
        made = finished(message)
        workers.made[message.fingerprint] = workers.book(made)

    made = bench(at_first(unheard))
    assert whole(made.run(2))
    assert made.attempts()[1] == [1]  # nobody did it again


def test_messages_that_vanish_are_sent_again_and_count_as_no_failure(bench: Callable[[Script], Bench]) -> None:
    made = bench(at_first(lambda workers, message: None, times=MISSED - 1))
    assert whole(made.run(2))
    assert made.attempts()[1] == [1, 2, 3, 4, 5]


def test_workers_that_cannot_read_a_message_are_told_of(bench: Callable[[Script], Bench]) -> None:
    made = bench(lambda workers, message: None)
    with pytest.raises(ServiceError, match=r"sent 5 times.*no worker reported starting it"):
        made.run(2)


def test_an_emptied_broker_has_everything_sent_again(bench: Callable[[Script], Bench]) -> None:
    made = bench(works)
    made.workers.present = False

    def empty() -> None:
        made.workers.broker.empty()
        made.workers.present = True

    made.workers.at(7, empty)
    assert whole(made.run(3))
    assert {step: attempts for step, attempts in made.attempts().items() if len(attempts) > 1} == {
        1: [1, 2],
        2: [1, 2],
        3: [1, 2],
    }
    assert made.hours < 0.02


def test_a_broker_that_is_away_is_waited_for_and_silence_meanwhile_is_forgiven(
    bench: Callable[[Script], Bench],
) -> None:
    made = bench(works_long)
    made.workers.at(100, lambda: setattr(made.workers.broker, "away", True))
    made.workers.at(400, lambda: setattr(made.workers.broker, "away", False))
    assert whole(made.run(2))
    assert all(attempts == [1] for attempts in made.attempts().values())
    assert made.seen.told == ["The message broker cannot be reached. Waiting until it is reachable."]


def test_that_nobody_works_is_told_once_and_a_backlog_is_no_loss(bench: Callable[[Script], Bench]) -> None:
    made = bench(works)
    made.workers.present = False
    made.workers.at(7200, lambda: setattr(made.workers, "present", True))
    assert whole(made.run(2))
    assert len(made.workers.sent) == 4
    (told,) = made.seen.told
    assert "No worker has started a step in 31 s; 2 messages wait in the queue generation" in told


@pytest.mark.parametrize(
    ("reason", "stops"),
    [
        (FailureReason.ENGINE, True),
        (FailureReason.MODEL_UNUSABLE, True),
        (FailureReason.DEADLINE_EXCEEDED, False),
        (FailureReason.ENGINE_UNAVAILABLE, False),
        (FailureReason.REQUEST_REFUSED, False),
    ],
)
def test_failures_end_it_or_are_tried_again(
    bench: Callable[[Script], Bench], reason: FailureReason, stops: bool
) -> None:
    made = bench(at_first(lambda workers, message: workers.fails(message, reason, "So it was."), times=99))
    if stops:
        with pytest.raises(SparError, match="So it was"):
            made.run(3)
        assert made.attempts()[1] == [1]
    else:
        ends = made.run(3)
        assert ends[0].failure == "So it was."
        assert made.attempts()[1] == [1, 2, 3]
        assert whole(ends[1:])


def test_an_engine_that_is_unavailable_for_several_shards_in_a_row_ends_it(bench: Callable[[Script], Bench]) -> None:
    def always(workers: ScriptedWorkers, message: StepMessage) -> None:
        workers.fails(message, FailureReason.ENGINE_UNAVAILABLE, "So it was.")

    made = bench(always)
    with pytest.raises(EngineUnavailable, match="So it was"):
        made.run(5)
