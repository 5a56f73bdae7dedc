"""A broker in memory that a test can look into and break. Held to tests/contract/test_broker.py like the real one."""

from dataclasses import dataclass, field
from typing import Any

from spar.errors import ServiceError
from spar.runtime.broker import BrokerReset


@dataclass
class RecordingBroker:
    """Keeps what was sent, by queue; `take` is what a worker does. While `away`, every call raises ServiceError."""

    queues: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    next_loss: BrokerReset = BrokerReset.EVERYTHING
    away: bool = False

    def send(self, task: str, queue: str, message: dict[str, Any]) -> None:
        self._reach()
        self.queues.setdefault(queue, []).append((task, message))

    def waiting(self, queue: str) -> int:
        self._reach()
        return len(self.queues.get(queue, []))

    def try_write(self) -> None:
        self._reach()

    def loss(self) -> BrokerReset:
        self._reach()
        loss, self.next_loss = self.next_loss, BrokerReset.NONE
        return loss

    def take(self, queue: str) -> dict[str, Any]:
        """The oldest message of a queue, taken out of it."""
        return self.queues[queue].pop(0)[1]

    def empty(self) -> None:
        """Lose all messages, as Redis does when its data are gone."""
        self.queues.clear()
        self.next_loss = BrokerReset.MESSAGES

    def _reach(self) -> None:
        if self.away:
            raise ServiceError("The message broker cannot be reached.", "It is away on purpose.")
