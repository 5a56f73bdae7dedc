"""What the only writer of the database remembers between its sessions, so that no decision reads it again.

It is the only writer as long as its connection holds the lock (`spar.db.engine.only_one`). A new connection took the
lock anew, and another process may have written in between: then nothing is remembered.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine, event

from spar.messages.base import ModelRef, StepKind
from spar.messages.states import StepState


class CountKey(NamedTuple):
    """What one of a run's counters counts: steps of a kind that are in a state."""

    iteration: int
    kind: StepKind
    state: StepState


@dataclass(slots=True)
class LedgerMemory:
    """What one session has read, and the next may take for granted: there is one writer."""

    counts: dict[str, Counter[CountKey]] = field(default_factory=dict)
    """By run."""
    models: dict[str, ModelRef] = field(default_factory=dict)
    """By fingerprint: where a model lies never changes."""
    looked_at: dict[str, datetime] = field(default_factory=dict)
    """By run: when its time was last counted."""
    nothing_lost: set[str] = field(default_factory=set)
    """Runs none of whose results was ever lost."""

    _reconnected: bool = False

    def watch(self, database: Engine) -> None:
        """Notice each new connection of the engine."""
        event.listen(database, "connect", self._note)

    def check(self) -> None:
        """Call at a session's start, once it has its connection."""
        if self._reconnected:
            self._reconnected = False
            self.forget()

    def _note(self, *_: object) -> None:
        # Other threads may connect in the middle of a session, which must not lose what it has changed.
        self._reconnected = True

    def forget(self) -> None:
        """After a session whose changes were not committed."""
        self.counts.clear()
        self.models.clear()
        self.looked_at.clear()
        self.nothing_lost.clear()
