"""The states that runs, iterations and steps go through: shared by the tables, the flow and whoever shows them."""

from enum import StrEnum


class RunStatus(StrEnum):
    """queued -> running -> finished or failed; cancelling waits for what is in flight, then cancelled; stopped: the
    budget is used up.

    A failed, cancelled or stopped run that is resumed is queued again. `interrupted` is shown, never stored: the run is
    on or queued, and no process works on it.
    """

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    FAILED = "failed"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"

    def shown(self, at_work: bool) -> "RunStatus":
        """What to show of a stored status; `at_work`: a process works on the runs there."""
        return self if at_work or self.ended else RunStatus.INTERRUPTED

    @property
    def on(self) -> bool:
        """What its steps come to has consequences."""
        return self in (RunStatus.RUNNING, RunStatus.CANCELLING)

    @property
    def ended(self) -> bool:
        """Nothing happens any more unless someone asks for it."""
        return self in (RunStatus.CANCELLED, RunStatus.STOPPED, RunStatus.FAILED, RunStatus.FINISHED)


class IterationStatus(StrEnum):
    """What an iteration waits for: its shards, the selection, the two trainings, nothing."""

    SHARDS = "shards"
    SELECTION = "selection"
    TRAINING = "training"
    DONE = "done"


class StepState(StrEnum):
    """ready -> dispatched -> running -> done; back to ready for another attempt; dead after the last one."""

    READY = "ready"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
