"""Where a run is, as counts: all that `flow` decides from. Knows nothing of where they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from services.coordinator.budget import BudgetState
from services.coordinator.recompute.verdict import Recomputing
from services.coordinator.shortfall import Canary, DeadPrompts
from spar.messages.base import StepKind
from spar.messages.endings import RunEnd
from spar.messages.states import IterationStatus
from spar.recipes.models import FailureSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCounts:
    """How many steps of one kind are in each state; in flight is dispatched or running."""

    ready: int = 0
    in_flight: int = 0
    done: int = 0
    dead: int = 0

    @property
    def open(self) -> int:
        return self.ready + self.in_flight


NONE = StepCounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """Where a run is. `counts` are the current iteration's, `evaluations` the whole run's.

    `chain` is what each shard goes through; `sick` maps kinds whose engine is failing to the few steps that may still
    be in flight as probes. A `cancelling` run is running too, but dispatches nothing more.
    """

    running: bool
    iteration: int
    iterations: int
    status: IterationStatus
    shards: int
    chain: tuple[StepKind, ...]
    window: int
    evaluates: bool
    refiner: Literal["trained", "kept", "shared"] = "trained"
    """What becomes of the refiner: it is trained, or kept as it is, or it is what the actor becomes."""
    trains: bool = True
    """False: the selected rows are the run's result, and both models stay as they are."""
    counts: Mapping[StepKind, StepCounts] = field(default_factory=dict)
    evaluations: StepCounts = NONE
    sick: Mapping[StepKind, int] = field(default_factory=dict)
    cancelling: bool = False
    purse: BudgetState | None = None
    """What the run may spend; None: no cap."""
    failures: FailureSettings = field(default_factory=FailureSettings)
    dead: DeadPrompts = field(default_factory=DeadPrompts)
    canary: Canary | None = None
    """The iteration's first shards while they are looked at; None: all may be sent."""
    judge_audit: bool = False
    """Whether rules audit each iteration's judging."""
    diverged: RunEnd | None = None
    """Why the run is to stop: what its refiner sees has diverged from what the rules see. None: it is not to stop."""
    auditing: bool = False
    """Whether this iteration's audit, which may stop the run, is still to come: nothing is trained before."""
    recomputing: Recomputing | None = None
    """The results being recomputed because the store has lost them; nothing else is sent meanwhile."""
    first: int = 1
    """The number of the first iteration: before 1 the starting models are made (docs/decisions/0009)."""
    halfway: bool = False
    """One of the starting models is still to be made after this iteration: nothing is measured yet."""

    def of(self, kind: StepKind) -> StepCounts:
        return self.evaluations if kind is StepKind.EVALUATION else self.counts.get(kind, NONE)
