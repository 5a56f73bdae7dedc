"""What a run's profile says, as records. All times are seconds; what was not measured is unknown, never 0.

Knows nothing of how the figures are found.
"""

from dataclasses import astuple, dataclass
from enum import StrEnum

from spar.messages.base import StepKind


class Limit(StrEnum):
    """What an instant of a critical path was spent on. The value is how it is shown."""

    ENGINE = "engine"
    TRAINING = "training"
    LOADING = "loading models"
    STORE = "object store"
    TURN = "waiting for its turn"
    OWN_CODE = "own code"
    UNKNOWN = "running, not measured"
    NO_WORKER = "no worker free"
    COORDINATOR = "coordinator and queue"
    RETRIES = "earlier attempts"
    OFF = "run not active"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTime:
    """The seconds of steps at work by what they waited for; `own_s` is the rest. `unknown_s`: steps of workers that
    did not measure. The parts add up to the whole."""

    engine_s: float = 0.0
    training_s: float = 0.0
    loading_s: float = 0.0
    store_s: float = 0.0
    turn_s: float = 0.0
    own_s: float = 0.0
    unknown_s: float = 0.0

    @property
    def total_s(self) -> float:
        return float(sum(astuple(self)))

    def __add__(self, other: "RunningTime") -> "RunningTime":
        return RunningTime(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def scaled(self, total_s: float) -> "RunningTime":
        """In the same proportions, but `total_s` in all."""
        factor = total_s / self.total_s if self.total_s else 0.0
        return RunningTime(**{name: getattr(self, name) * factor for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindProfile:
    """Sums over the steps of a kind that have ended, side by side or not; `reused` ones took nothing.

    `held_s`: ready, not yet dispatched; `queued_s`: dispatched, not yet begun; `retried_s`: until the last attempt was
    dispatched. `by_clock_s`: while at least one was at work.
    """

    kind: StepKind
    steps: int
    reused: int
    held_s: float
    queued_s: float
    retried_s: float
    running: RunningTime
    by_clock_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProfile:
    """Busy, waiting for the queue and idle add up to `wall_s`, the time that the run was active.

    `busy` is by the clock; where steps ran side by side, their parts are in the proportions of the steps' own.
    `queue_s`: it did nothing while a step that it could have taken was dispatched. `at_once` is how many steps
    it worked on at once at most.
    """

    worker: str
    kinds: tuple[StepKind, ...]
    steps: int
    at_once: int
    wall_s: float
    busy: RunningTime
    queue_s: float
    idle_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """A step on a critical path: `waited_s` from the end of what it needed until it began, then its running."""

    kind: StepKind
    part: str
    worker: str | None
    waited_s: float
    running_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationProfile:
    """The critical path of an iteration, from its start to its end, evaluation left out: nothing waits for that.

    `limits` add up to `seconds`; the largest is `limiting`.
    """

    iteration: int
    seconds: float
    limits: dict[Limit, float]
    limiting: Limit | None
    path: tuple[PathStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreWorkers:
    """What one more worker would bring, estimated: the measured steps, scheduled over `workers` instead."""

    kinds: tuple[StepKind, ...]
    workers: int
    now_s: float
    then_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProfile:
    """`active_s` is the run's time from its start to its last step, times when it was not active left out.

    `unfinished` steps and `dead` ones (dead letters) are in no figure.
    """

    run_id: str
    active_s: float
    unfinished: int
    dead: int
    kinds: tuple[KindProfile, ...]
    workers: tuple[WorkerProfile, ...]
    iterations: tuple[IterationProfile, ...]
    estimates: tuple[MoreWorkers, ...]
    advice: tuple[str, ...]
