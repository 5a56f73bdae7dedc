"""The states that runs, iterations and steps go through: shared by the tables, the flow and whoever shows them."""

from enum import StrEnum


class RunStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"
    FINISHED = "finished"


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
