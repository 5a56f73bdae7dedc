"""Where a run is, as counts: all that `flow` decides from. Does not know how they are stored."""

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
    """How many steps of one kind are in each state; in flight means dispatched or running."""

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
    """Where a run is. `counts` are those of the current iteration, `evaluations` those of the whole run.

    `chain` lists the steps that each shard goes through. `probe_limits` gives, for kinds whose circuit breaker is open,
    how many steps may be in flight as probes. A `cancelling` run is still running, but dispatches nothing more.
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
    """What becomes of the refiner: it is trained, kept as it is, or replaced by the new actor."""
    trains: bool = True
    """False: the selected rows are the run's result, and neither model is trained."""
    counts: Mapping[StepKind, StepCounts] = field(default_factory=dict)
    evaluations: StepCounts = NONE
    probe_limits: Mapping[StepKind, int] = field(default_factory=dict)
    cancelling: bool = False
    budget: BudgetState | None = None
    """The budget and what has been spent; None: no cap."""
    failures: FailureSettings = field(default_factory=FailureSettings)
    dead: DeadPrompts = field(default_factory=DeadPrompts)
    canary: Canary | None = None
    """The iteration's first shards until they are evaluated; None: all shards may be sent."""
    judge_audit: bool = False
    """Whether rules audit each iteration's judging."""
    diverged: RunEnd | None = None
    """Why the run is to stop: the refiner's judgments have diverged from the rules. None: it is not to stop."""
    auditing: bool = False
    """Whether this iteration's audit, which may stop the run, has not ended: nothing is trained before it has."""
    recomputing: Recomputing | None = None
    """The lost results that are being recomputed; nothing else is sent meanwhile."""
    first: int = 1
    """The number of the first iteration: those before 1 train the initial models (docs/decisions/0009)."""
    halfway: bool = False
    """Whether an initial model is still to be trained after this iteration: nothing is evaluated yet."""

    def of(self, kind: StepKind) -> StepCounts:
        return self.evaluations if kind is StepKind.EVALUATION else self.counts.get(kind, NONE)
