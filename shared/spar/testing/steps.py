"""A queue of evolution steps with workers that follow a script, on a clock that jumps: what a stack may do to them.

In the place of spar.evolution.stack. No broker, no store, no threads: hours of leases take no time.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from spar.errors import ServiceError
from spar.evolution.queue import QUEUE, LossWatch, Made
from spar.messages.base import StepMessage
from spar.messages.coordinator import (
    FailureReason,
    LeasedAttempt,
    Report,
    StepFailed,
    StepFinished,
    StepStarted,
    StepUsage,
    WorkerAlive,
)
from spar.runtime.leases import Leases
from spar.store.base import ObjectStore
from spar.testing.broker import RecordingBroker

WORK_S, HEARTBEAT_S = 5.0, 30.0

Script = Callable[["ScriptedWorkers", StepMessage], None]
"""What a worker does with a message that it has taken: `works`, `dies`, `fails`, or anything that calls `say`."""


@dataclass
class ScriptedWorkers:
    """Workers take every message at once while `present`. `store` is what the queue says its store is; unused here."""

    store: ObjectStore
    script: Script
    present: bool = True
    broker: RecordingBroker = field(default_factory=RecordingBroker)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    sent: list[StepMessage] = field(default_factory=list)
    made: dict[str, Made] = field(default_factory=dict)
    """What the store has, by fingerprint."""
    _reports: list[tuple[datetime, int, Report]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = LossWatch(self.broker, Leases(), every_s=1.0)
        self.broker.loss()

    # ---- what the runner calls ----

    def send(self, task: str, message: StepMessage) -> None:
        self.broker.send(task, QUEUE, {"sent": len(self.sent)})
        self.sent.append(message)

    def next_report(self, timeout_s: float | None) -> Report | None:
        """Let the simulated time pass until a report arrives, or `timeout_s` is over."""
        until = self.now + timedelta(seconds=timeout_s if timeout_s is not None else 3600)
        while True:
            while self.present and not self.broker.away and self.broker.queues.get(QUEUE):
                self.script(self, self.sent[self.broker.take(QUEUE)["sent"]])
            coming = [heap[0][0] for heap in (self._reports, self._events) if heap]
            if self.broker.away or not coming or min(coming) > until:
                self._pass(until)
                if self.broker.away:
                    raise ServiceError("The message broker cannot be reached.", "It is away on purpose.")
                return None
            self._pass(min(coming))
            if self._reports and self._reports[0][0] <= self.now:
                return heapq.heappop(self._reports)[2]

    def result(self, fingerprint: str) -> Made | None:
        return self.made.get(fingerprint)

    def book(self, report: StepFinished) -> Made:
        return Made.of(report)

    def failure_text(self, report: StepFailed) -> str:
        return report.error

    # ---- what scripts and tests call ----

    def at(self, after_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + timedelta(seconds=after_s), next(self._order), event))

    def say(self, after_s: float, report: Report) -> None:
        heapq.heappush(self._reports, (self.now + timedelta(seconds=after_s), next(self._order), report))

    def begins(self, message: StepMessage) -> None:
        self.say(0, StepStarted(step_id=message.step_id, attempt=message.attempt, worker="w"))

    def beats(self, message: StepMessage, after_s: float) -> None:
        held = (LeasedAttempt(step_id=message.step_id, attempt=message.attempt),)
        self.say(after_s, WorkerAlive(worker="w", held=held))

    def finishes(self, message: StepMessage, after_s: float) -> None:
        report = finished(message)
        self.at(after_s, lambda: self.keeps(report))
        self.say(after_s, report)

    def keeps(self, report: StepFinished) -> None:
        self.made.setdefault(report.fingerprint, Made.of(report))

    def fails(self, message: StepMessage, reason: FailureReason, error: str) -> None:
        failed = StepFailed(
            step_id=message.step_id, attempt=message.attempt, worker="w", reason=reason, error=error, retry=True
        )
        self.say(WORK_S, failed)

    def _pass(self, until: datetime) -> None:
        self.now = max(self.now, until)
        while self._events and self._events[0][0] <= self.now:
            heapq.heappop(self._events)[2]()


def works(workers: ScriptedWorkers, message: StepMessage) -> None:
    workers.begins(message)
    workers.finishes(message, WORK_S)


def works_long(workers: ScriptedWorkers, message: StepMessage) -> None:
    """Ten minutes, with a sign of life as often as real workers give one."""
    workers.begins(message)
    for beat in range(1, 20):
        workers.beats(message, beat * HEARTBEAT_S)
    workers.finishes(message, 20 * HEARTBEAT_S)


def dies(workers: ScriptedWorkers, message: StepMessage) -> None:
    workers.begins(message)


def finished(message: StepMessage) -> StepFinished:
    return StepFinished(
        step_id=message.step_id,
        attempt=message.attempt,
        worker="w",
        fingerprint=message.fingerprint,
        key=f"results/{message.fingerprint}/{message.fingerprint}",
        size=1,
        seconds=WORK_S,
        usage=StepUsage(calls=16),
        counts={"evolved": 16},
    )
