"""What workers tell the coordinator: facts, in the past tense. It alone decides what follows."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from spar import errors
from spar.messages.base import Wire
from spar.recipes.models import omitted_when_default

TASK = "coordinator.report"


class StepUsage(Wire):
    """A step's usage of its engine. `estimated_tokens`: those of both kinds that its server did not count."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated_tokens: int = omitted_when_default(0)


class StepTimings(Wire):
    """Seconds of a step by what it waited for; none counts twice, and what is in none is its own code.

    `engine_s`: at least one reply of a model was awaited; `training_s`: a trainer was at work; `loading_s`: a model was
    fetched, or its engine started; `store_s`: objects were read or written; `turn_s`: another held what it needed.
    `at_once`: the steps that its worker had at work when it began, itself included; None: not counted.
    """

    engine_s: float = 0.0
    training_s: float = 0.0
    loading_s: float = 0.0
    store_s: float = 0.0
    turn_s: float = 0.0
    at_once: int | None = None


class StepStarted(Wire):
    kind: Literal["started"] = "started"
    step_id: int
    attempt: int
    worker: str


class LeasedAttempt(Wire):
    step_id: int
    attempt: int


class WorkerAlive(Wire):
    """Sent every 30 seconds with all that the worker holds: it renews those leases."""

    kind: Literal["alive"] = "alive"
    worker: str
    held: tuple[LeasedAttempt, ...]


class TrainingProgressed(Wire):
    kind: Literal["progressed"] = "progressed"
    step_id: int
    attempt: int
    step: int
    steps: int
    loss: float | None


class StepFinished(Wire):
    """A result is in the store. `counts` are the step's own, by name (`spar.messages.counts`).

    `timings` is None from a worker of an older version, which measured none.
    """

    kind: Literal["finished"] = "finished"
    step_id: int
    attempt: int
    worker: str
    fingerprint: str
    key: str
    size: int
    seconds: float
    usage: StepUsage
    counts: dict[str, float]
    timings: StepTimings | None = omitted_when_default(None)


class FailureReason(StrEnum):
    """Why an attempt ended without a result: the nearest type of `spar.errors`; UNEXPECTED for what is none of ours."""

    RECIPE = "RecipeError"
    DATA = "DataError"
    CONVERSATION_TOO_LONG = "ConversationTooLong"
    PROMPT_REFUSED = "PromptRefused"
    TEMPLATE_REFUSED = "TemplateRefused"
    PACKAGE_MISSING = "PackageMissing"
    HOME = "HomeError"
    CONFLICT = "ConflictError"
    SERVICE = "ServiceError"
    STORE = "StoreError"
    OBJECT_MISSING = "ObjectMissing"
    OBJECT_CORRUPT = "ObjectCorrupt"
    ENGINE = "EngineError"
    REQUEST_REFUSED = "RequestRefused"
    MODEL_UNUSABLE = "ModelUnusable"
    ENGINE_UNAVAILABLE = "EngineUnavailable"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    TRAINING = "TrainingError"
    TRAINER_BUSY = "TrainerBusy"
    TRAINING_DIVERGED = "TrainingDiverged"
    TRAINING_OUT_OF_MEMORY = "TrainingOutOfMemory"
    TRAINING_DISK_FULL = "TrainingDiskFull"
    TRAINING_READ_ONLY = "TrainingReadOnly"
    ACCOUNTING = "AccountingError"
    UNEXPECTED = "Unexpected"

    @property
    def exit_code(self) -> int:
        """What a command exits with that this error ends."""
        return int(getattr(errors, self.value, errors.SparError).exit_code)

    @classmethod
    def of(cls, error: Exception) -> "FailureReason":
        named = {reason.value: reason for reason in cls}
        return next((named[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in named), cls.UNEXPECTED)


class StepReturned(Wire):
    """The worker stops and hands the attempt back unfinished: it costs the step nothing."""

    kind: Literal["returned"] = "returned"
    step_id: int
    attempt: int
    worker: str


class StepFailed(Wire):
    """An attempt ended without a result. `retry` False: another attempt would fail the same way.

    `lost` is the key of the object that the store no longer has, if that is why.
    """

    kind: Literal["failed"] = "failed"
    step_id: int
    attempt: int
    worker: str
    reason: FailureReason
    error: str  # what to show a person
    retry: bool
    lost: str | None = None


Report = Annotated[
    StepStarted | WorkerAlive | TrainingProgressed | StepFinished | StepFailed | StepReturned,
    Field(discriminator="kind"),
]
REPORT: TypeAdapter[Report] = TypeAdapter(Report)
