"""What happens next: a pure function from counters and one event to actions.

Everything the coordinator decides about the order of work is decided here, from counts and never from rows, so that
a decision costs the same for ten shards and for ten thousand. Knows nothing of databases, queues or models.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from services.coordinator.budget import Purse
from spar.messages.base import StepKind
from spar.messages.states import IterationStatus

Role = Literal["actor", "refiner"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many steps of one kind are in each state; in flight is dispatched or running."""

    ready: int = 0
    in_flight: int = 0
    done: int = 0
    dead: int = 0

    @property
    def open(self) -> int:
        return self.ready + self.in_flight


NONE = Counts()


@dataclass(frozen=True, slots=True)
class Repair:
    """Results that the store lost and that are being made again: the steps of the earliest such kind.

    What is later may need what is earlier, so it waits. `others_in_flight` are repairs of later kinds.
    """

    iteration: int
    kind: StepKind
    ready: int
    in_flight: int
    others_in_flight: int = 0


@dataclass(frozen=True, slots=True)
class State:
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
    counts: Mapping[StepKind, Counts] = field(default_factory=dict)
    evaluations: Counts = NONE
    sick: Mapping[StepKind, int] = field(default_factory=dict)
    cancelling: bool = False
    purse: Purse | None = None
    """What the run may spend; None: no cap."""
    honesty: bool = False
    """Whether rules audit each iteration's judging."""
    parted: str | None = None
    """Why the run is to stop: what its refiner sees has parted from what the rules see. None: it is not to stop."""
    auditing: bool = False
    """Whether this iteration's audit, which may stop the run, is still to come: nothing is trained before."""
    repair: Repair | None = None
    first: int = 1
    """The number of the first iteration: before 1 the starting models are made (docs/decisions/0009)."""
    halfway: bool = False
    """One of the starting models is still to be made after this iteration: nothing is measured yet."""

    def of(self, kind: StepKind) -> Counts:
        return self.evaluations if kind is StepKind.EVALUATION else self.counts.get(kind, NONE)


# ---- events: what just happened ----


@dataclass(frozen=True, slots=True)
class RunBegun:
    pass


@dataclass(frozen=True, slots=True)
class DataGiven:
    """An iteration has begun whose training set came with the recipe: it has no shards."""

    role: Role


@dataclass(frozen=True, slots=True)
class ShardStepDone:
    kind: StepKind
    shard: int


@dataclass(frozen=True, slots=True)
class SelectionDone:
    """How many rows the actor has to train on (pairs, or examples of responses), and the refiner (examples).

    `audits` says that some of the actor's are responses to prompts, which rules can check.
    """

    pairs: int
    examples: int
    audits: bool = True


@dataclass(frozen=True, slots=True)
class TrainingDone:
    role: Role


@dataclass(frozen=True, slots=True)
class EvaluationDone:
    pass


@dataclass(frozen=True, slots=True)
class StepDied:
    kind: StepKind
    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class EngineLost:
    """An engine has been failing for so long that waiting makes no sense."""

    error: str


@dataclass(frozen=True, slots=True)
class StorageLost:
    """Results cannot be kept: working on would be for nothing."""

    error: str


@dataclass(frozen=True, slots=True)
class ResultLost:
    """The books have this step's result and the store has not. It was made again `remade` times before."""

    step: int
    what: str
    remade: int


@dataclass(frozen=True, slots=True)
class ResultRemade:
    """It is there again."""


@dataclass(frozen=True, slots=True)
class RemakeDied:
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceLost:
    """Something is gone that no step of the run makes."""

    error: str


@dataclass(frozen=True, slots=True)
class Woken:
    """Nothing new: look again, since time has passed or a step went back to ready."""


Event = (
    RunBegun
    | DataGiven
    | ShardStepDone
    | SelectionDone
    | TrainingDone
    | EvaluationDone
    | StepDied
    | EngineLost
    | StorageLost
    | ResultLost
    | ResultRemade
    | RemakeDied
    | SourceLost
    | Woken
)


# ---- actions: what to do about it ----


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
class PrepareHonesty:
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
    reason: str


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Nothing is in flight any more: the run stops as it was asked to."""


@dataclass(frozen=True, slots=True)
class StopRun:
    """Nothing is in flight. Nothing that is ready fits the budget, or the refiner's judging has parted from the rules:
    the run waits until its recipe allows more."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dispatch:
    kind: StepKind
    limit: int


@dataclass(frozen=True, slots=True)
class MakeAgain:
    """Have a step that was done make its result once more."""

    step: int


@dataclass(frozen=True, slots=True)
class DispatchRepairs:
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
    | PrepareHonesty
    | EndIteration
    | FinishRun
    | FailRun
    | CancelRun
    | StopRun
    | Dispatch
    | MakeAgain
    | DispatchRepairs
)

MOST_REMAKES = 2
"""A store that loses the same result a third time is not to be filled again, but to be looked at."""

WHOLE_ITERATION = (StepKind.EVALUATION, StepKind.TRAINING, StepKind.SELECTION)
"""Few and long: dispatched as soon as they are ready, outside the window."""


def next_actions(state: State, event: Event) -> list[Action]:
    """What follows from the event. The state already counts it; actions are applied in order."""
    if not state.running:
        return []
    consequences = list(_consequences(state, event))
    if any(isinstance(action, FinishRun | FailRun) for action in consequences):
        return consequences
    if state.cancelling:
        # What follows is still prepared, so that going on needs no catching up; it is only not dispatched.
        return [*consequences, *([CancelRun()] if _drained(state) else [])]
    if state.parted is not None:
        return [*consequences, *([StopRun(state.parted)] if _drained(state) else [])]
    # What was just prepared comes later in the chain, so it goes first: the next look, at once, counts it.
    return consequences or list(_affordable(state))


def _consequences(state: State, event: Event) -> Iterator[Action]:  # noqa: C901 - one case per event
    match event:
        case RunBegun():
            if state.evaluates:
                yield PrepareEvaluation(state.first - 1, "actor")
                yield PrepareEvaluation(state.first - 1, "refiner")
            yield BeginIteration(state.first)
        case DataGiven(role):
            yield PrepareTraining(role)
            yield KeepModel("refiner" if role == "actor" else "actor")
        case ShardStepDone():
            yield from _shard_step_done(state, event)
        case SelectionDone():
            yield from _selection_done(state, event)
        case TrainingDone():
            yield from _training_done(state)
        case EvaluationDone():
            yield from _finish_if_over(state)
        case StepDied():
            yield from _step_died(state, event)
        case EngineLost(error):
            yield FailRun(f"the engine stays unavailable: {error}")
        case StorageLost(error):
            yield FailRun(f"results cannot be stored: {error}")
        case ResultLost() | ResultRemade() | RemakeDied() | SourceLost():
            yield from _after_a_loss(state, event)
        case Woken():
            # An event and what follows from it are one transaction: there is never a decision to catch up with.
            pass


def _shard_step_done(state: State, event: ShardStepDone) -> Iterator[Action]:
    place = state.chain.index(event.kind)
    if place + 1 < len(state.chain):
        yield PrepareShardStep(state.chain[place + 1], event.shard)
    yield from _selection_if_due(state)


def _selection_if_due(state: State) -> Iterator[Action]:
    ended = state.of(state.chain[-1]).done + sum(state.of(kind).dead for kind in state.chain)
    if state.status is IterationStatus.SHARDS and state.shards and ended == state.shards:
        yield PrepareSelection()


def _selection_done(state: State, event: SelectionDone) -> Iterator[Action]:
    if state.evaluates and event.pairs and event.audits:
        yield PrepareEvaluation(state.iteration, "pairs")
    if state.honesty:
        yield PrepareHonesty(state.iteration)
    yield PrepareTraining("actor") if event.pairs else KeepModel("actor")
    trains = state.refiner == "trained" and event.examples > 0
    if state.refiner != "shared":
        yield PrepareTraining("refiner") if trains else KeepModel("refiner")
    if not event.pairs and not trains:
        yield from _end_iteration(state, measuring=state.honesty)


def _training_done(state: State) -> Iterator[Action]:
    # Two trainings whose results were there already end in one transaction: the first event finds both done.
    if state.status is IterationStatus.TRAINING and state.of(StepKind.TRAINING).open == 0:
        yield from _end_iteration(state)


def _end_iteration(state: State, measuring: bool = False) -> Iterator[Action]:
    """`measuring` says that a measurement was prepared just now: the counts don't have it yet."""
    if state.refiner == "shared":
        yield ShareModel()
    yield EndIteration()
    if state.evaluates and not state.halfway:
        yield PrepareEvaluation(state.iteration, "actor")
        yield PrepareEvaluation(state.iteration, "refiner")
    if state.iteration < state.iterations:
        yield BeginIteration(state.iteration + 1)
    elif not (state.evaluates or measuring or state.evaluations.open):
        yield FinishRun()


def _finish_if_over(state: State) -> Iterator[Action]:
    over = state.status is IterationStatus.DONE and state.iteration == state.iterations
    if over and state.evaluations.open == 0:
        yield FinishRun()


def _step_died(state: State, event: StepDied) -> Iterator[Action]:
    match event.kind:
        case StepKind.SELECTION | StepKind.TRAINING:
            yield FailRun(f"{event.kind} {event.part} failed for good: {event.reason}".replace("  ", " "))
        case StepKind.EVALUATION:
            # A missing measurement is shown as missing; it does not stop the training.
            yield from _finish_if_over(state)
        case _:
            # The shard's prompts end as engine_failed; the others go on.
            yield from _selection_if_due(state)


def _after_a_loss(state: State, event: ResultLost | ResultRemade | RemakeDied | SourceLost) -> Iterator[Action]:
    match event:
        case ResultLost(step, what, remade):
            if remade < MOST_REMAKES:
                yield MakeAgain(step)
            else:
                yield FailRun(
                    f"the result of {what} was lost again after it was made anew {remade} times: "
                    "look why the object store loses objects, then resume the run"
                )
        case ResultRemade():
            # What comes after it is there already, and waits; only a selection that was taken back is not.
            yield from _selection_if_due(state)
        case RemakeDied(what, reason):
            yield FailRun(f"{what} was lost and could not be made again: {reason}")
        case SourceLost(error):
            yield FailRun(error)


def _drained(state: State) -> bool:
    repairs = state.repair.in_flight + state.repair.others_in_flight if state.repair else 0
    return not repairs and not any(state.of(kind).in_flight for kind in StepKind)


def _affordable(state: State) -> Iterator[Action]:
    """What is dispatched, as far as the budget goes. With nothing in flight and no room for anything, the run stops."""
    wanted = list(_dispatches(state))
    if state.purse is None:
        yield from wanted
        return
    steps = [(action.kind, action.limit) for action in wanted]
    allowed = dict(state.purse.allowed(steps, lambda kind: state.of(kind).in_flight))
    yield from (replace(action, limit=allowed[action.kind]) for action in wanted if action.kind in allowed)
    if steps and not allowed and not any(state.of(kind).in_flight for kind in StepKind):
        yield StopRun(state.purse.reason(steps))


def _dispatches(state: State) -> Iterator[Dispatch | DispatchRepairs]:
    if state.repair is not None:
        # Rare and soon over: until then nothing else, for it might need just what is missing.
        yield from _repairs(state, state.repair)
        return
    for kind in WHOLE_ITERATION:
        if kind is StepKind.TRAINING and state.auditing:
            continue
        if limit := _within_sickness(state, kind, state.of(kind).ready):
            yield Dispatch(kind, limit)
    room = state.window - sum(state.of(kind).in_flight for kind in state.chain)
    for kind in reversed(state.chain):
        limit = _within_sickness(state, kind, min(room, state.of(kind).ready))
        if limit > 0:
            yield Dispatch(kind, limit)
            room -= limit


def _repairs(state: State, repair: Repair) -> Iterator[DispatchRepairs]:
    most = state.window if repair.kind not in WHOLE_ITERATION else repair.in_flight + repair.ready
    most = min(most, state.sick.get(repair.kind, most))
    limit = min(repair.ready, most - repair.in_flight)
    if limit > 0:
        yield DispatchRepairs(repair.iteration, repair.kind, limit)


def _within_sickness(state: State, kind: StepKind, limit: int) -> int:
    if kind not in state.sick:
        return limit
    return min(limit, max(0, state.sick[kind] - state.of(kind).in_flight))
