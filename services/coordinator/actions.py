"""What to do next in a run: `flow` says it, `turn` does it."""

from dataclasses import dataclass
from typing import Literal

from spar.messages.base import StepKind
from spar.messages.endings import RunEnd
from spar.messages.training import Role


@dataclass(frozen=True, slots=True)
class BeginIteration:
    index: int


@dataclass(frozen=True, slots=True)
class PrepareShardStep:
    kind: StepKind
    shard: int


@dataclass(frozen=True, slots=True)
class PrepareSelection:
    pass


@dataclass(frozen=True, slots=True)
class PrepareTraining:
    role: Role


@dataclass(frozen=True, slots=True)
class KeepModel:
    """Nothing trains the role, or its data came out empty: the next iteration goes on with the model as it is."""

    role: Role


@dataclass(frozen=True, slots=True)
class ShareModel:
    """One model plays both roles: the next refiner is what the actor became."""


@dataclass(frozen=True, slots=True)
class PrepareEvaluation:
    """Measure what iteration `iteration` ended with (before the first: what the run was given)."""

    iteration: int
    part: Literal["actor", "refiner", "pairs"]


@dataclass(frozen=True, slots=True)
class PrepareJudgeAudit:
    """Have rules audit what the refiner judged in the iteration."""

    iteration: int


@dataclass(frozen=True, slots=True)
class EndIteration:
    pass


@dataclass(frozen=True, slots=True)
class FinishRun:
    pass


@dataclass(frozen=True, slots=True)
class FailRun:
    end: RunEnd


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Nothing is in flight any more: the run stops as it was asked to."""


@dataclass(frozen=True, slots=True)
class StopRun:
    """Nothing that is ready fits the budget, the refiner's judging has diverged from the rules, or too little came of
    the prompts: the run waits until its recipe allows more, or the cause is gone."""

    end: RunEnd


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send so many ready steps of the kind; of a shard's kind only those of the first `shards`, if it says so."""

    kind: StepKind
    limit: int
    shards: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRecomputes:
    """Send so many ready steps of the kind and iteration that recompute lost results."""

    iteration: int
    kind: StepKind
    limit: int


Action = (
    BeginIteration
    | PrepareShardStep
    | PrepareSelection
    | PrepareTraining
    | KeepModel
    | ShareModel
    | PrepareEvaluation
    | PrepareJudgeAudit
    | EndIteration
    | FinishRun
    | FailRun
    | CancelRun
    | StopRun
    | Dispatch
    | DispatchRecomputes
)
