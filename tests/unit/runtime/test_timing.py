import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from spar.engines.base import Completion, Sampling
from spar.messages.coordinator import StepFinished, StepTimings, StepUsage
from spar.messages.facts import StepFacts
from spar.method.records import Message
from spar.runtime.timing import StepClock, TimedChat, TimedStore, TimePart, clocked, timed
from spar.store.directory import DirectoryStore


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_side_by_side_count_once() -> None:
    time = Time()
    clock = StepClock(time)
    with clock.busy(TimePart.ENGINE):
        time.now += 2
        with clock.busy(TimePart.ENGINE):
            time.now += 3
        time.now += 1
    time.now += 10
    assert clock.timings() == StepTimings(engine_s=6)


def test_an_instant_belongs_to_the_first_part_only() -> None:
    time = Time()
    clock = StepClock(time)
    with clock.busy(TimePart.STORE):
        time.now += 1
        with clock.busy(TimePart.ENGINE):
            time.now += 4
        time.now += 2
    assert clock.timings() == StepTimings(engine_s=4, store_s=3)


def test_a_part_ends_with_its_error() -> None:
    time = Time()
    clock = StepClock(time)

    def fail() -> None:
        with clock.busy(TimePart.LOADING):
            time.now += 1
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    time.now += 5
    assert clock.timings() == StepTimings(loading_s=1)


def test_the_clock_is_known_in_the_tasks_and_threads_of_its_step_and_nowhere_else() -> None:
    async def read() -> None:
        await asyncio.gather(asyncio.to_thread(busy_in, TimePart.STORE), asyncio.to_thread(busy_in, TimePart.STORE))

    with clocked() as clock:
        asyncio.run(read())
        outside = threading.Thread(target=busy_in, args=[TimePart.ENGINE])
        outside.start()
        outside.join()
    busy_in(TimePart.TURN)
    found = clock.timings()
    assert found.store_s > 0
    assert found == StepTimings(store_s=found.store_s)


def busy_in(part: TimePart) -> None:
    with timed(part):
        threading.Event().wait(0.001)


class Slow:
    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        await asyncio.sleep(0.001)
        return [Completion(text=f"{n} {seed}", finish_reason="stop", prompt_tokens=1, completion_tokens=1)]


def test_replies_and_objects_are_passed_through_and_timed(tmp_path: Path) -> None:
    store = TimedStore(DirectoryStore(tmp_path))
    with clocked() as clock:
        [reply] = asyncio.run(TimedChat(Slow()).sample([], 2, Sampling(temperature=1, top_p=1, max_tokens=9), seed=7))
        store.put("a/b", b"bytes")
        assert (store.get("a/b"), store.exists("a/b"), store.exists("a/c")) == (b"bytes", True, False)
        assert list(store.keys("a")) == ["a/b"]
    assert reply.text == "2 7"
    found = clock.timings()
    assert found.engine_s > 0
    assert found.store_s > 0


def finished(timings: StepTimings | None) -> StepFinished:
    return StepFinished(
        step_id=1,
        attempt=1,
        worker="w",
        fingerprint="f" * 64,
        key="results/f/1",
        size=1,
        seconds=2.0,
        usage=StepUsage(),
        counts={},
        timings=timings,
    )


def test_what_an_older_version_wrote_is_read_as_unknown() -> None:
    """Its reports and rows have no such field, and neither has what we write without it."""
    old = finished(None)
    assert "timings" not in old.model_dump(mode="json")
    assert StepFinished.model_validate(old.model_dump(mode="json")).timings is None
    assert "timings" not in StepFacts.of(old).stored()
    assert StepFacts.read({"seconds": 2.0}).timings is None


def test_timings_are_stored_with_the_facts() -> None:
    facts = StepFacts.of(finished(StepTimings(engine_s=1.5)))
    assert StepFacts.read(facts.stored()).timings == StepTimings(engine_s=1.5)
