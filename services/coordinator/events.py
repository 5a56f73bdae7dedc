"""What has happened to a run: facts that `flow` draws conclusions from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import RunEnd
from spar.messages.training import Role
from spar.method.records import Outcome


@dataclass(frozen=True, slots=True)
class RunBegun:
    pass


@dataclass(frozen=True, slots=True)
class RunResumed:
    """It had ended within an iteration. Steps may have been dropped since, and nothing else would notice."""


@dataclass(frozen=True, slots=True)
class DataGiven:
    """An iteration has begun whose training set came with the recipe: it has no shards."""

    role: Role


@dataclass(frozen=True, slots=True)
class ShardStepDone:
    kind: StepKind
    shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionDone:
    """How many rows the actor has to train on (pairs, or examples of responses), and the refiner (examples).

    `audits`: some of the actor's rows are responses to prompts, which rules can check. `outcomes` counts how the
    prompts ended; `failure` is that of a shard's step that failed for good; `guarded` is why nothing may be trained on
    the rows.
    """

    pairs: int
    examples: int
    audits: bool = True
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    failure: FailureReason | None = None
    guarded: RunEnd | None = None


@dataclass(frozen=True, slots=True)
class TrainingDone:
    role: Role


@dataclass(frozen=True, slots=True)
class EvaluationDone:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDied:
    kind: StepKind
    part: str
    reason: str
    failure: FailureReason = FailureReason.UNEXPECTED


@dataclass(frozen=True, slots=True)
class EngineLost:
    """An engine has been failing for longer than the recipe waits."""

    error: str
    failure: FailureReason = FailureReason.ENGINE_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class CircuitGivenUp:
    """The same error has kept a kind's circuit breaker open for as long as the recipe waits."""

    kind: StepKind
    error: str
    failure: FailureReason


@dataclass(frozen=True, slots=True)
class StorageLost:
    """The store has been unreachable, or has accepted nothing, for as long as the recipe waits."""

    error: str
    failure: FailureReason = FailureReason.STORE


@dataclass(frozen=True, slots=True)
class ResultRecomputed:
    """A result that the store had lost is there again."""


@dataclass(frozen=True, slots=True)
class RecomputeFailed:
    """An object that the store has lost cannot be recomputed."""

    end: RunEnd


@dataclass(frozen=True, slots=True)
class Woken:
    """Nothing new: check again, since time has passed or a step became ready."""


Event = (
    RunBegun
    | RunResumed
    | DataGiven
    | ShardStepDone
    | SelectionDone
    | TrainingDone
    | EvaluationDone
    | StepDied
    | EngineLost
    | CircuitGivenUp
    | StorageLost
    | ResultRecomputed
    | RecomputeFailed
    | Woken
)
