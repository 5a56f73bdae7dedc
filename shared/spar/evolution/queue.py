"""The seam to where steps are executed: messages out, reports in, and a lookup of earlier results.

In this process (spar.embedded.step_queue) or on a stack (spar.evolution.stack). Its user decides what is sent next.
"""

from dataclasses import dataclass
from typing import Protocol

from spar.messages.base import StepMessage
from spar.messages.coordinator import Report, StepFailed, StepFinished
from spar.messages.facts import StepFacts
from spar.runtime.broker import Broker
from spar.runtime.leases import Leases
from spar.store.base import ObjectStore

QUEUE = "generation"


@dataclass(frozen=True, slots=True)
class Made:
    """A step's result: its key in the store, and the facts of its execution."""

    key: str
    facts: StepFacts

    @classmethod
    def of(cls, report: StepFinished) -> "Made":
        return cls(report.key, StepFacts.of(report))


@dataclass(frozen=True, slots=True)
class LossWatch:
    """How lost attempts are found: by the broker and the leases, checked every `every_s` seconds."""

    broker: Broker
    leases: Leases
    every_s: float


class StepQueue(Protocol):
    """Not thread-safe."""

    @property
    def store(self) -> ObjectStore: ...

    @property
    def watch(self) -> LossWatch | None:
        """None: nothing can be lost, since the work is done in this process."""
        ...

    def send(self, task: str, message: StepMessage) -> None:
        """Raises ServiceError while the broker is unreachable."""
        ...

    def next_report(self, timeout_s: float | None) -> Report | None:
        """Waits for the next report; None on timeout. Raises ServiceError as `send` does."""
        ...

    def result(self, fingerprint: str) -> Made | None:
        """An earlier result, if its object still exists."""
        ...

    def book(self, report: StepFinished) -> Made:
        """Record a finished step's result."""
        ...

    def failure_text(self, report: StepFailed) -> str:
        """Why an attempt failed, for the user."""
        ...
