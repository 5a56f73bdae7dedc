"""One turn of the coordinator: an event and what follows from it, all in one transaction; messages are sent after it.

`flow` decides, `steps` builds the messages, the ledger stores; this applies the actions.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.coordinator import actions, booking, events, flow
from services.coordinator.ledger import Ledger
from services.coordinator.prompts import cut_shards
from services.coordinator.recompute import handling
from services.coordinator.recompute.verdict import LossVerdict
from services.coordinator.snapshot import state_of
from services.coordinator.steps import measurements
from services.coordinator.steps.context import RunContext
from services.coordinator.steps.measurements import measurements_of
from services.coordinator.steps.rebuilding import renew
from services.coordinator.steps.selection import selection
from services.coordinator.steps.shards import shard_step
from services.coordinator.steps.training import training
from spar.db.tables import Iteration, Run, Step, utc_now
from spar.messages.base import StepKind, StepMessage
from spar.messages.coordinator import FailureReason
from spar.messages.evaluation import JUDGE_AUDIT, Part
from spar.messages.event_names import EventName
from spar.messages.facts import StepFacts
from spar.messages.parts import role_of, shard_index, shard_part
from spar.messages.states import IterationStatus, RunStatus, StepState
from spar.messages.training import Role
from spar.recipes import init
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore

BACK_OFF = timedelta(seconds=2)
"""Before a failed step's second attempt; it doubles with each."""


@dataclass(slots=True)
class Transition:
    """Applies events to one run. `outbox` holds what to send once the session is committed."""

    ledger: Ledger
    store: ObjectStore
    run: Run
    recipe: Recipe
    window: int
    probe_limits: dict[StepKind, int]
    outbox: list[Step] = field(default_factory=list)
    context: RunContext = field(init=False)
    _events: deque[events.Event] = field(default_factory=deque)
    _prepared: bool = False

    def __post_init__(self) -> None:
        self.context = RunContext(ledger=self.ledger, store=self.store, run=self.run, recipe=self.recipe)

    def apply(self, event: events.Event) -> None:
        """Apply the event, and those that it leads to at once: a reused result is done when it is dispatched."""
        self._events.append(event)
        while self._events or self._prepared:
            if not self._events:
                # New steps are ready: check again what may be dispatched.
                self._events.append(events.Woken())
                self._prepared = False
            state = state_of(self.context, self.window, self.probe_limits)
            for action in flow.next_actions(state, self._events.popleft()):
                self._perform(action)

    @property
    def _iteration(self) -> Iteration:
        return self.ledger.iteration(self.run.id, self.run.iteration)

    def _perform(self, action: actions.Action) -> None:  # noqa: C901 - one line per action
        match action:
            case actions.BeginIteration(index):
                self._begin_iteration(index)
            case actions.PrepareShardStep(kind, shard):
                self._prepare_shard_step(kind, shard)
            case actions.PrepareSelection():
                self._prepare_selection()
            case actions.PrepareTraining(role):
                self._prepare_training(role)
            case actions.KeepModel(role):
                self._keep_model(role)
            case actions.ShareModel():
                self._iteration.refiner_after = self._iteration.actor_after
            case actions.PrepareEvaluation(iteration, part):
                self._prepare_evaluation(iteration, part)
            case actions.PrepareJudgeAudit(index):
                message = measurements.judge_audit(self.context, self.ledger.iteration(self.run.id, index))
                self._add_step(message, StepKind.EVALUATION, index, JUDGE_AUDIT)
            case actions.EndIteration():
                self._end_iteration()
            case actions.FinishRun():
                self.ledger.end_run(self.run, RunStatus.FINISHED)
            case actions.FailRun(end):
                self.ledger.end_run(self.run, RunStatus.FAILED, end)
            case actions.CancelRun():
                self.ledger.end_run(self.run, RunStatus.CANCELLED)
            case actions.StopRun(end):
                self.ledger.end_run(self.run, RunStatus.STOPPED, end)
            case actions.Dispatch(kind, limit, shards):
                self._send_or_reuse(self.ledger.ready_steps(self.run.id, kind, limit, utc_now(), shards=shards))
            case actions.DispatchRecomputes(iteration=iteration, kind=kind, limit=limit):
                self._send_or_reuse(self.ledger.ready_steps(self.run.id, kind, limit, utc_now(), iteration))

    # ---- what actions do ----

    def _begin_iteration(self, index: int) -> None:
        before = None if index == init.first_iteration(self.recipe) else self.ledger.iteration(self.run.id, index - 1)
        plan = self.context.plan(index)
        shards = [] if plan.given else cut_shards(self.store, self.run, self.recipe, index)
        actor = before.actor_after if before else self.recipe.models.actor
        refiner = before.refiner_after if before else self.recipe.models.refiner
        self.run.iteration = index
        self.ledger.session.add(
            Iteration(
                run_id=self.run.id,
                index=index,
                status=IterationStatus.SHARDS,
                prompts=sum(shard.prompts for shard in shards),
                shards=len(shards),
                actor=self.context.fingerprint(actor),
                refiner=self.context.fingerprint(refiner),
            )
        )
        self.ledger.session.add_all(shards)
        self.ledger.event(EventName.ITERATION_STARTED, self.run.id, iteration=index, shards=len(shards))
        self.ledger.session.flush()
        for shard in shards:
            message = shard_step(self.context, StepKind.GENERATION, shard)
            self._add_step(message, StepKind.GENERATION, index, shard_part(shard.index))
        if plan.given and plan.initializes is not None:
            self._events.append(events.DataGiven("actor" if plan.settings.one_model else plan.initializes))

    def _add_step(self, message: StepMessage, kind: StepKind, iteration: int, part: str) -> None:
        self.ledger.add_step(message, kind, iteration, part)
        self._prepared = True

    def _prepare_shard_step(self, kind: StepKind, index: int) -> None:
        shard = self.ledger.shard(self.run.id, self.run.iteration, index)
        self._add_step(shard_step(self.context, kind, shard), kind, shard.iteration, shard_part(index))

    def _prepare_selection(self) -> None:
        iteration = self._iteration
        iteration.status = IterationStatus.SELECTION
        self._add_step(selection(self.context, iteration), StepKind.SELECTION, iteration.index, "")

    def _prepare_training(self, role: Role) -> None:
        iteration = self._iteration
        iteration.status = IterationStatus.TRAINING
        self._add_step(training(self.context, iteration, role), StepKind.TRAINING, iteration.index, role)

    def _keep_model(self, role: Role) -> None:
        iteration = self._iteration
        if role == "actor":
            iteration.actor_after = iteration.actor
        else:
            iteration.refiner_after = iteration.refiner
        self.ledger.event(EventName.MODEL_UNCHANGED, self.run.id, iteration=iteration.index, role=role)

    def _prepare_evaluation(self, index: int, part: Part) -> None:
        for measured, name, message in measurements_of(self.context, index, part):
            self._add_step(message, StepKind.EVALUATION, measured, name)

    def _end_iteration(self) -> None:
        iteration = self._iteration
        iteration.status, iteration.finished_at = IterationStatus.DONE, utc_now()
        self.ledger.event(EventName.ITERATION_FINISHED, self.run.id, iteration=iteration.index)

    def _send_or_reuse(self, steps: Sequence[Step]) -> None:
        sent: set[str] = set()
        for step in steps:
            renew(step)
        results = self.ledger.results({step.fingerprint for step in steps})
        for step in steps:
            known = results.get(step.fingerprint)
            if known is not None and handling.is_readable(self.context, step, known):
                facts = StepFacts.read(known.facts).model_copy(update={"seconds": 0.0, "timings": None})
                self.complete(step, known.key, facts, reused=True)
            elif step.fingerprint not in sent:  # otherwise it waits, and reuses the result
                sent.add(step.fingerprint)
                results.pop(step.fingerprint, None)
                self.send(step)

    # ---- steps changing state ----

    def send(self, step: Step) -> None:
        """Dispatch a new attempt; the message is sent when the turn is committed."""
        attempt = step.attempt + 1
        message = {**step.message, "step_id": step.id, "attempt": attempt}
        now = utc_now()
        self.ledger.move(
            step,
            StepState.DISPATCHED,
            attempt=attempt,
            message=message,
            dispatched_at=now,
            worker=None,
            not_before=None,
        )
        self.outbox.append(step)

    def complete(self, step: Step, key: str, facts: StepFacts, reused: bool = False) -> None:
        """A step has its result: record it, and the event that follows."""
        before = step.result_key
        self.ledger.move(
            step,
            StepState.DONE,
            result_key=key,
            facts=facts.stored(),
            reused=reused,
            finished_at=utc_now(),
            reason=None,
        )
        if step.remade:
            self._complete_recompute(step, before)
            return
        match step.kind:
            case StepKind.SELECTION:
                self._events.append(booking.book_selection(self.context, step))
            case StepKind.TRAINING:
                booking.book_training(self.context, step)
                self._events.append(events.TrainingDone(role_of(step.part)))
            case StepKind.EVALUATION:
                booking.report_drift(self.context, step)
                self._events.append(events.EvaluationDone())
            case _:
                self._events.append(events.ShardStepDone(step.kind, shard_index(step.part)))

    def _complete_recompute(self, step: Step, before: str | None) -> None:
        """The steps after it were prepared when the result was first there."""
        if step.kind is StepKind.SELECTION:
            booking.book_selection(self.context, step)
        elif step.kind is StepKind.TRAINING:
            self.ledger.training_ended(step)
        self._events.append(handling.handle_recomputed(self.context, step, before))

    def handle_lost(self, step: Step, key: str, reason: str, now: datetime) -> None:
        """An attempt could not read an object that the database lists: the step waits while it is recomputed."""
        if not self.run.status.on:
            self.ledger.move(step, StepState.READY, reason=reason)
            return
        lost = handling.handle_lost(self.context, step, key)
        event: events.Event = events.Woken()
        if lost.verdict is LossVerdict.RETRY:
            self.fail(step, reason, FailureReason.OBJECT_MISSING, True, now)
        elif lost.end is not None and lost.verdict is LossVerdict.NO_SOURCE and step.kind is StepKind.EVALUATION:
            # A missing measurement does not fail the run.
            self.fail(step, lost.end.what, FailureReason.OBJECT_MISSING, False, now)
        else:
            self.ledger.move(step, StepState.READY, reason=reason)
            event = event if lost.end is None else events.RecomputeFailed(lost.end)
        self.apply(event)

    def fail(self, step: Step, reason: str, failure: FailureReason, retry: bool, now: datetime) -> None:
        """An attempt ended without a result: retry it after a pause, or give the step up."""
        if not self.run.status.on:
            # Nothing may follow now, least of all a failed step: it is retried when the run is resumed.
            self.ledger.move(step, StepState.READY, reason=reason)
            return
        failures = step.failures + 1
        if retry and failures < self.recipe.dispatch.attempts:
            pause = BACK_OFF * 2 ** (failures - 1)
            self.ledger.move(step, StepState.READY, failures=failures, reason=reason, not_before=now + pause)
            return
        self.ledger.move(step, StepState.DEAD, failures=failures, reason=reason, failure=failure, finished_at=now)
        self.ledger.event(
            EventName.STEP_FAILED, self.run.id, step=step.id, step_kind=step.kind, part=step.part, reason=reason
        )
        if step.remade:
            self._events.append(handling.handle_failed(step, reason, failure))
        else:
            self._events.append(events.StepDied(kind=step.kind, part=step.part, reason=reason, failure=failure))


def open_turn(
    ledger: Ledger, store: ObjectStore, run: Run, max_window: int, probe_limits: Mapping[StepKind, int]
) -> Transition:
    """A turn of a run, with its recipe read and its window bounded by what the workers hold."""
    recipe = ledger.recipe(run)
    ledger.count_time(run, utc_now())
    return Transition(ledger, store, run, recipe, min(recipe.dispatch.window, max_window), dict(probe_limits))
