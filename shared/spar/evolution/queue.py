"""The seam to where steps go: messages out, reports in, what was made before found again.

In this process (spar.embedded.step_queue) or on a stack (spar.evolution.stack). Who holds it decides what is sent next.
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
    """A step's result: its key in the store, and what making it took."""

    key: str
    facts: StepFacts

    @classmethod
    def of(cls, report: StepFinished) -> "Made":
        return cls(report.key, StepFacts.of(report))


@dataclass(frozen=True, slots=True)
class LossWatch:
    """What tells which attempts are lost: the broker, asked `every_s` seconds."""

    broker: Broker
    leases: Leases
    every_s: float


class StepQueue(Protocol):
    """Not safe from several threads."""

    @property
    def store(self) -> ObjectStore: ...

    @property
    def watch(self) -> LossWatch | None:
        """None: nothing can be lost, for who works is in this process."""
        ...

    def send(self, task: str, message: StepMessage) -> None:
        """Raises ServiceError while the broker is away."""
        ...

    def next_report(self, timeout_s: float | None) -> Report | None:
        """Waits for it; None when none came within the time. Raises ServiceError as `send` does."""
        ...

    def result(self, fingerprint: str) -> Made | None:
        """What was made before, if its object is still there."""
        ...

    def book(self, report: StepFinished) -> Made:
        """Write down a finished step's result."""
        ...

    def told(self, report: StepFailed) -> str:
        """Why an attempt failed, as a person has to know it."""
        ...
