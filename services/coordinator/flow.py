"""What happens next: a pure function from counters and one event to actions.

Everything the coordinator decides about the order of work is decided here, from counts and never from rows, so that a
decision costs the same for ten shards and for ten thousand. Knows nothing of databases, queues or models.
"""

from collections.abc import Iterator
from dataclasses import replace

from services.coordinator import actions, events
from services.coordinator.recompute.verdict import Recomputing
from services.coordinator.shortfall import Canary, dead_end, failed_canary, shortfall
from services.coordinator.state import NONE, RunState
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import IterationStatus

WHOLE_ITERATION = (StepKind.EVALUATION, StepKind.TRAINING, StepKind.SELECTION)
"""Few and long: dispatched as soon as they are ready, outside the window."""


def next_actions(state: RunState, event: events.Event) -> list[actions.Action]:
    """What follows from the event. The state already includes it; actions are applied in order."""
    if not state.running:
        return []
    consequences = list(_outcome_of_canary(state) or _consequences(state, event))
    if any(isinstance(action, actions.FinishRun | actions.FailRun | actions.StopRun) for action in consequences):
        return consequences
    if state.cancelling:
        # What follows is still prepared, so that a resumed run has nothing to catch up with; it is only not dispatched.
        return [*consequences, *([actions.CancelRun()] if _drained(state) else [])]
    if state.diverged is not None:
        return [*consequences, *([actions.StopRun(state.diverged)] if _drained(state) else [])]
    # The steps just prepared are later in the chain, so they are sent first: the next event, at once, counts them.
    return consequences or list(_affordable(state))


def _outcome_of_canary(state: RunState) -> list[actions.Action]:
    """If nothing of the canary can be used, the run ends and nothing else follows."""
    if state.canary is None or state.cancelling:
        return []
    end = failed_canary(state.canary, state.iteration)
    if end is None:
        return []
    return [actions.StopRun(end) if end.failure is None else actions.FailRun(end)]


def _consequences(state: RunState, event: events.Event) -> Iterator[actions.Action]:  # noqa: C901 - one case per event
    match event:
        case events.RunBegun():
            if state.evaluates:
                yield actions.PrepareEvaluation(state.first - 1, "actor")
                yield actions.PrepareEvaluation(state.first - 1, "refiner")
            yield actions.BeginIteration(state.first)
        case events.RunResumed():
            yield from _selection_if_due(state)
        case events.DataGiven(role):
            yield actions.PrepareTraining(role)
            yield actions.KeepModel("refiner" if role == "actor" else "actor")
        case events.ShardStepDone():
            yield from _shard_step_done(state, event)
        case events.SelectionDone():
            yield from _selection_done(state, event)
        case events.TrainingDone():
            yield from _training_done(state)
        case events.EvaluationDone():
            yield from _finish_if_over(state)
        case events.StepDied():
            yield from _step_failed_for_good(state, event)
        case events.EngineLost(error, failure):
            yield _failed(EndReason.ENGINE, f"the engine stays unavailable: {error}", failure)
        case events.CircuitGivenUp(kind, error, failure):
            yield _failed(EndReason.ENGINE, f"{kind} steps keep failing with the same error: {error}", failure)
        case events.StorageLost(error, failure):
            yield _failed(EndReason.STORAGE, f"the store stays unavailable: {error}", failure)
        case events.ResultRecomputed():
            yield from _after_recompute(state)
        case events.RecomputeFailed(end):
            yield actions.FailRun(end)
        case events.Woken():
            # An event and what follows from it are one transaction: there is never a decision to catch up with.
            pass


def _shard_step_done(state: RunState, event: events.ShardStepDone) -> Iterator[actions.Action]:
    place = state.chain.index(event.kind)
    if place + 1 < len(state.chain):
        yield actions.PrepareShardStep(state.chain[place + 1], event.shard)
    yield from _selection_if_due(state)


def _selection_if_due(state: RunState) -> Iterator[actions.Action]:
    ended = state.of(state.chain[-1]).done + sum(state.of(kind).dead for kind in state.chain)
    selected = state.of(StepKind.SELECTION) != NONE
    if state.status is IterationStatus.SHARDS and state.shards and ended == state.shards and not selected:
        yield actions.PrepareSelection()


def _selection_done(state: RunState, event: events.SelectionDone) -> Iterator[actions.Action]:
    learned = event.pairs + event.examples
    if end := shortfall(state.iteration, event.outcomes, learned, state.failures, event.failure) or event.guarded:
        yield actions.StopRun(end)
        return
    if state.evaluates and event.pairs and event.audits:
        yield actions.PrepareEvaluation(state.iteration, "pairs")
    if state.judge_audit:
        yield actions.PrepareJudgeAudit(state.iteration)
    trains_actor = state.trains and event.pairs > 0
    trains_refiner = state.trains and state.refiner == "trained" and event.examples > 0
    yield actions.PrepareTraining("actor") if trains_actor else actions.KeepModel("actor")
    if state.refiner != "shared":
        yield actions.PrepareTraining("refiner") if trains_refiner else actions.KeepModel("refiner")
    if not trains_actor and not trains_refiner:
        yield from _end_iteration(state, measuring=state.judge_audit)


def _training_done(state: RunState) -> Iterator[actions.Action]:
    # Two trainings that reuse results end in one transaction: the first event finds both done.
    if state.status is IterationStatus.TRAINING and state.of(StepKind.TRAINING).open == 0:
        yield from _end_iteration(state)


def _end_iteration(state: RunState, measuring: bool = False) -> Iterator[actions.Action]:
    """`measuring`: an evaluation was prepared just now, which the counts do not include yet."""
    if state.refiner == "shared":
        yield actions.ShareModel()
    yield actions.EndIteration()
    if state.evaluates and not state.halfway:
        yield actions.PrepareEvaluation(state.iteration, "actor")
        yield actions.PrepareEvaluation(state.iteration, "refiner")
    if state.iteration < state.iterations:
        yield actions.BeginIteration(state.iteration + 1)
    elif not (state.evaluates or measuring or state.evaluations.open):
        yield actions.FinishRun()


def _finish_if_over(state: RunState) -> Iterator[actions.Action]:
    over = state.status is IterationStatus.DONE and state.iteration == state.iterations
    if over and state.evaluations.open == 0:
        yield actions.FinishRun()


def _step_failed_for_good(state: RunState, event: events.StepDied) -> Iterator[actions.Action]:
    match event.kind:
        case StepKind.SELECTION | StepKind.TRAINING:
            what = f"{event.kind} {event.part} failed for good: {event.reason}".replace("  ", " ")
            yield _failed(EndReason.STEP, what, event.failure)
        case StepKind.EVALUATION:
            # A missing measurement is shown as missing; it does not stop the training.
            yield from _finish_if_over(state)
        case _:
            # The shard's prompts end as engine_failed; the others continue, unless too many are lost.
            end = dead_end(state.dead, state.failures, event.reason, event.failure)
            if end is not None and not (state.canary is not None and state.canary.open):
                yield actions.FailRun(end)
                return
            yield from _selection_if_due(state)


def _after_recompute(state: RunState) -> Iterator[actions.Action]:
    # The steps after it are prepared and wait, except for a selection that was removed.
    yield from _selection_if_due(state)
    if state.recomputing is None:  # the run had ended before the loss was found
        yield from _finish_if_over(state)


def _failed(reason: EndReason, what: str, failure: FailureReason | None = None) -> actions.FailRun:
    return actions.FailRun(RunEnd(reason=reason, what=what, failure=failure))


def _drained(state: RunState) -> bool:
    lost = state.recomputing
    recomputing = lost.in_flight + lost.others_in_flight if lost else 0
    return not recomputing and not any(state.of(kind).in_flight for kind in StepKind)


def _affordable(state: RunState) -> Iterator[actions.Action]:
    """What is dispatched, as far as the budget allows. With nothing in flight and room for nothing, the run stops."""
    wanted = list(_dispatches(state))
    if state.budget is None:
        yield from wanted
        return
    steps = [(action.kind, action.limit) for action in wanted]
    allowed = dict(state.budget.allowed(steps, lambda kind: state.of(kind).in_flight))
    yield from (replace(action, limit=allowed[action.kind]) for action in wanted if action.kind in allowed)
    if steps and not allowed and _drained(state):
        yield actions.StopRun(RunEnd(reason=EndReason.BUDGET, what=state.budget.reason(steps)))


def _dispatches(state: RunState) -> Iterator[actions.Dispatch | actions.DispatchRecomputes]:
    if state.recomputing is not None:
        # Rare and short: nothing else is sent meanwhile, since any step may read what is missing.
        yield from _recomputes(state, state.recomputing)
        return
    if state.canary is not None and state.canary.open:
        yield from _canary_dispatches(state, state.canary)
        return
    for kind in WHOLE_ITERATION:
        if kind is StepKind.TRAINING and state.auditing:
            continue
        if limit := _within_probe_limit(state, kind, state.of(kind).ready):
            yield actions.Dispatch(kind, limit)
    room = state.window - sum(state.of(kind).in_flight for kind in state.chain)
    for kind in reversed(state.chain):
        limit = _within_probe_limit(state, kind, min(room, state.of(kind).ready))
        if limit > 0:
            yield actions.Dispatch(kind, limit)
            room -= limit


def _canary_dispatches(state: RunState, canary: Canary) -> Iterator[actions.Dispatch]:
    """The canary's steps alone, and evaluations of the last iteration's models; not of the models that the run started
    with, since the canary may show that the run is not worth evaluating."""
    evaluations = state.evaluations.ready if state.iteration > state.first else 0
    if limit := _within_probe_limit(state, StepKind.EVALUATION, evaluations):
        yield actions.Dispatch(StepKind.EVALUATION, limit)
    room = min(canary.open, state.window) - sum(state.of(kind).in_flight for kind in state.chain)
    for kind in (StepKind.JUDGMENT, StepKind.GENERATION):
        limit = _within_probe_limit(state, kind, min(room, state.of(kind).ready))
        if limit > 0:
            yield actions.Dispatch(kind, limit, canary.shards)
            room -= limit


def _recomputes(state: RunState, lost: Recomputing) -> Iterator[actions.DispatchRecomputes]:
    most = state.window if lost.kind not in WHOLE_ITERATION else lost.in_flight + lost.ready
    most = min(most, state.probe_limits.get(lost.kind, most))
    limit = min(lost.ready, most - lost.in_flight)
    if limit > 0:
        yield actions.DispatchRecomputes(iteration=lost.iteration, kind=lost.kind, limit=limit)


def _within_probe_limit(state: RunState, kind: StepKind, limit: int) -> int:
    if kind not in state.probe_limits:
        return limit
    return min(limit, max(0, state.probe_limits[kind] - state.of(kind).in_flight))
