"""Why a run is stuck: its steps are open, and none has ended for long. Knows nothing of who finds out."""

from datetime import datetime
from enum import StrEnum

from spar.messages.base import Wire


class StuckCause(StrEnum):
    """What keeps a run's steps from ending."""

    NO_WORKER = "no_worker"  # nobody consumes the queue that its steps are in
    OTHER_VERSION = "other_version"  # those who do are of another version
    BROKER = "broker"  # Redis does not answer
    BROKER_FULL = "broker_full"  # Redis takes no more messages
    STORE = "store"  # the object store does not answer
    DATABASE = "database"  # the database does not answer
    ENGINE = "engine"  # what serves a model does not answer
    CIRCUIT_OPEN = "circuit_open"  # a kind of step is paused after failures that repeat
    UNKNOWN = "unknown"

    @property
    def passes(self) -> bool:
        """Whether the process that runs the steps itself looks when the cause is gone, and resumes."""
        return self in (StuckCause.ENGINE, StuckCause.CIRCUIT_OPEN)


class Stuck(Wire):
    """`what` keeps the run from going on and how to `fix` it, for people; `since`: when a step last ended."""

    cause: StuckCause
    what: str
    fix: str
    since: datetime
