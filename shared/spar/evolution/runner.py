"""Takes every shard of seed prompts through its two steps, evolve and validate, several at once, checks first.

A step with a result is not sent, so a rerun after a stop or failure does only the rest. Where steps can be lost (a
worker dies, Redis is emptied), they get another attempt when their lease expires, and the first result counts.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from spar.errors import (
    DataError,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    RecipeError,
    ServiceError,
    SparError,
    StoreError,
)
from spar.evolution.attempts import Flights
from spar.evolution.lost_attempts import EvolveWatcher, Lookout
from spar.evolution.queue import QUEUE, Made, StepQueue
from spar.evolution.steps import EvolutionPlan, ShardEnd, ShardStep
from spar.messages.base import ObjectRef
from spar.messages.coordinator import (
    FailureReason,
    Report,
    StepFailed,
    StepFinished,
    StepReturned,
    StepStarted,
    WorkerAlive,
)
from spar.messages.evolution import EVOLVE_TASK, VALIDATE_TASK, Evolve, EvolveSpec, Validate, ValidateSpec
from spar.runtime.leases import LostReason

ATTEMPTS = 3
"""Attempts of a step that times out or fails unexpectedly; then its shard is given up."""
ENGINE_FAILURES = 3
"""Shards given up, or with an unavailable engine, without any finished step in between: then the engine is at fault,
not the shards. A single shard is retried and then given up, so that a reply that always fails affects no other."""
LOST = 10
"""Workers lost during one step: the step may be what kills them, so its shard is given up."""
MISSED = 5
"""Messages of one step that no worker started: workers take them, but cannot read them."""
STEP_DEADLINE = 24 * 3600.0  # seconds; calls have their own deadline, this one ends what hangs outside of calls
_STOPS: dict[str, type[SparError]] = {
    error.__name__: error for error in (DataError, EngineError, ModelUnusable, RecipeError, StoreError)
}
"""Failures that would affect the next shard as well: they end the command, which can be resumed."""
_WORDS = {
    LostReason.SILENT: "its worker stopped responding",
    LostReason.NEVER_ARRIVED: "no worker received its message",
    LostReason.BROKER_EMPTIED: "the broker lost its messages",
    LostReason.PROCESS_GONE: "its process is gone",
}


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class ShardRunner:
    """Runs shards through a queue, at most `window` steps in flight."""

    queue: StepQueue
    plan: EvolutionPlan
    window: int
    watcher: EvolveWatcher
    now: Callable[[], datetime] = utc_now
    _ends: dict[int, ShardEnd] = field(default_factory=dict)
    _retries: deque[ShardStep] = field(default_factory=deque)
    _flights: Flights = field(default_factory=Flights)
    _steps: int = 0
    _given_up: int = 0
    _failing: set[int] = field(default_factory=set)
    """Shards whose engine was unavailable since a step last finished."""
    _lookout: Lookout = field(init=False)

    def __post_init__(self) -> None:
        self._lookout = Lookout(watch=self.queue.watch, flights=self._flights, watcher=self.watcher, now=self.now)

    def run(self, shards: Sequence[ObjectRef]) -> list[ShardEnd]:
        """Run every shard to its end. Raises failures that a retry would not fix; results so far are kept."""
        fresh = (self._step(index, self.plan.evolve(prompts)) for index, prompts in enumerate(shards))
        while self._fill(fresh):
            self._take()
        return [self._ends[index] for index in range(len(shards))]

    def _step(self, shard: int, spec: EvolveSpec | ValidateSpec, evolved: Made | None = None) -> ShardStep:
        self._steps += 1
        return ShardStep(id=self._steps, shard=shard, spec=spec, evolved=evolved)

    def _fill(self, fresh: Iterator[ShardStep]) -> bool:
        """Send steps up to the window, checks and retries first. False: nothing is left to wait for."""
        while len(self._flights) < self.window:
            step = self._retries.popleft() if self._retries else next(fresh, None)
            if step is None:
                break
            known = self.queue.result(step.spec.fingerprint())
            if known is not None:
                self._done(step, known)
            elif not self._send(step):
                self._retries.appendleft(step)
                return True
        return len(self._flights) > 0

    def _send(self, step: ShardStep) -> bool:
        """False: the broker is unreachable."""
        step.attempt += 1
        envelope = {
            "run_id": "evolution",
            "step_id": step.id,
            "attempt": step.attempt,
            "fingerprint": step.spec.fingerprint(),
            "deadline_s": STEP_DEADLINE,
            "engine": self.plan.engine,
            "spec": step.spec,
        }
        try:
            if isinstance(step.spec, EvolveSpec):
                self.queue.send(EVOLVE_TASK, Evolve.model_validate(envelope))
            else:
                self.queue.send(VALIDATE_TASK, Validate.model_validate(envelope))
        except ServiceError as error:
            self._lookout.broker_unreachable(error)
            return False
        self._flights.begin(step, self.now())
        return True

    # ---- reports ----

    def _take(self) -> None:
        """Wait for one report and handle it; check for lost attempts if none comes."""
        lost: list[tuple[ShardStep, LostReason]] = []
        try:
            report = self.queue.next_report(self._lookout.in_s())
            if report is None:
                lost = self._lookout.look()
        except ServiceError as error:
            self._lookout.broker_unreachable(error)
            return
        if report is not None:
            self._follow(report)
        for step, why in lost:
            self._lost(step, why)

    def _follow(self, report: Report) -> None:
        match report:
            case StepFinished():
                # An older attempt's result is as good, by its fingerprint. For a step that has ended it is not new, and
                # one that waits to be sent again will find its result then.
                if step := self._flights.end(report.step_id):
                    self._given_up = 0
                    self._failing.clear()
                    self._done(step, self.queue.book(report))
            case StepFailed():
                if step := self._flights.end(report.step_id, report.attempt):
                    self._failed(step, report)
            case StepReturned():
                if step := self._flights.end(report.step_id, report.attempt):
                    self._retries.append(step)
            case StepStarted() | WorkerAlive():
                self._flights.note(report, self.now())

    def _done(self, step: ShardStep, made: Made) -> None:
        if isinstance(step.spec, EvolveSpec):
            check = self.plan.validate(ObjectRef(key=made.key))
            self._retries.appendleft(self._step(step.shard, check, made))
        else:
            self._end(step.shard, ShardEnd(evolved=step.evolved, checked=made))

    def _failed(self, step: ShardStep, report: StepFailed) -> None:
        error, stops = self.queue.failure_text(report), _STOPS.get(report.reason)
        if stops is not None:
            raise stops(error, self._kept())
        if report.reason is FailureReason.ENGINE_UNAVAILABLE:
            self._failing.add(step.shard)
            if len(self._failing) == ENGINE_FAILURES:
                raise EngineUnavailable(error, self._kept())
        self._retry(step, error)

    def _retry(self, step: ShardStep, error: str) -> None:
        step.failures += 1
        if step.failures < ATTEMPTS:
            self._retries.append(step)
        else:
            self._give_up(step, error)

    def _give_up(self, step: ShardStep, error: str) -> None:
        self._given_up += 1
        if self._given_up == ENGINE_FAILURES:
            raise EngineError(error, self._kept())
        self._end(step.shard, ShardEnd(evolved=step.evolved, checked=None, failure=error))

    def _kept(self) -> str:
        return f"Results are kept ({len(self._ends)} shards): rerun the command to resume."

    def _end(self, shard: int, end: ShardEnd) -> None:
        self._ends[shard] = end
        self.watcher.ended(len(self._ends))

    # ---- lost attempts ----

    def _lost(self, step: ShardStep, why: LostReason) -> None:
        """Not a failure of the step, except after too many."""
        self.watcher.noticed(f"Shard {step.shard + 1}: {_WORDS[why]}; it gets another attempt.")
        if why is LostReason.SILENT:
            step.lost += 1
            if step.lost == LOST:
                self._give_up(step, f"The last of {LOST} attempts: {_WORDS[why]}.")
            else:
                self._retries.append(step)
            return
        step.missed += why is LostReason.NEVER_ARRIVED
        if step.missed == MISSED:
            raise ServiceError(
                f"A step was sent {MISSED} times and left the queue {QUEUE}, but no worker reported starting it.",
                f"Check the generation workers' logs: they may be of another version. {self._kept()}",
            )
        self._retries.append(step)
