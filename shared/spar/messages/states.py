"""The states that runs, iterations and steps go through: shared by the tables, the flow and the pages that show
them."""

from enum import StrEnum


class RunStatus(StrEnum):
    """queued -> running -> finished or failed; cancelling waits for what is in flight, then cancelled; stopped: the
    budget is used up.

    A failed, cancelled or stopped run that is resumed is queued again. Two are shown, never stored: `interrupted`, the
    run is on or queued and no process works on it; `stuck`, it is on and no step has ended for long.
    """

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    FAILED = "failed"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    STUCK = "stuck"

    def shown(self, at_work: bool, stuck: bool = False) -> "RunStatus":
        """What to show of it. `at_work`: a process works on the runs there; `stuck`: it found this one so."""
        if self.ended:
            return self
        if not at_work:
            return RunStatus.INTERRUPTED
        return RunStatus.STUCK if stuck and self.on else self

    @property
    def on(self) -> bool:
        """What its steps come to has consequences."""
        return self in (RunStatus.RUNNING, RunStatus.CANCELLING)

    @property
    def ended(self) -> bool:
        """Nothing happens any more unless a user resumes it."""
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
