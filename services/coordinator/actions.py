"""What to do next in a run: `flow` returns actions, `turn` carries them out."""

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
    """Nothing trains the role, or it has no rows to learn from: the next iteration uses the same model."""

    role: Role


@dataclass(frozen=True, slots=True)
class ShareModel:
    """One model plays both roles: the next refiner is the new actor."""


@dataclass(frozen=True, slots=True)
class PrepareEvaluation:
    """Evaluate the models that iteration `iteration` ended with; before the first, the models that the run started
    with."""

    iteration: int
    part: Literal["actor", "refiner", "pairs"]


@dataclass(frozen=True, slots=True)
class PrepareJudgeAudit:
    """Audit with rules what the refiner judged in the iteration."""

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
    """Nothing is in flight any more: the cancelled run ends."""


@dataclass(frozen=True, slots=True)
class StopRun:
    """Nothing that is ready fits the budget, the refiner's judgments have diverged from the rules, or too few prompts
    yielded anything: the run waits until its recipe allows more or the cause is removed."""

    end: RunEnd


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Send at most `limit` ready steps of the kind; for a shard's kind, only those of the first `shards` if it is
    set."""

    kind: StepKind
    limit: int
    shards: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchRecomputes:
    """Send at most `limit` ready steps of the kind and iteration whose lost results are recomputed."""

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
