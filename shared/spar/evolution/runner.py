"""Takes every shard of seed prompts through its two steps, evolve and validate, some at once, checks first.

A step whose result is there is not sent. What a stop or a failure cut off is therefore all that the next call does.
Where steps can be lost (a worker dies, Redis is emptied), they get another attempt when their lease says so, and
whichever attempt's result comes first counts.
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
"""Of a step that runs out of time or fails as nobody foresaw; then its shard is given up."""
ILL = 3
"""Shards given up, or whose engine was unavailable, without any step done in between: it is the engine's failure, not
theirs. A single shard is tried again and then given up, so that a reply that always fails ends no other shard."""
LOST = 10
"""Workers that fell silent over one step: it may be what ends them, so its shard is given up."""
MISSED = 5
"""Messages of one step that no worker got: they take it, but cannot read it."""
STEP_DEADLINE = 24 * 3600.0  # seconds; calls have a deadline of their own, this ends what hangs without one
_STOPS: dict[str, type[SparError]] = {
    error.__name__: error for error in (DataError, EngineError, ModelUnusable, RecipeError, StoreError)
}
"""Failures that the next shard would meet as well: they end the command, which goes on later."""
_WORDS = {
    LostReason.SILENT: "its worker fell silent",
    LostReason.NEVER_ARRIVED: "no worker got its message",
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
    _again: deque[ShardStep] = field(default_factory=deque)
    _flights: Flights = field(default_factory=Flights)
    _steps: int = 0
    _given_up: int = 0
    _failing: set[int] = field(default_factory=set)
    """Shards whose engine was unavailable since a step was last done."""
    _lookout: Lookout = field(init=False)

    def __post_init__(self) -> None:
        self._lookout = Lookout(watch=self.queue.watch, flights=self._flights, watcher=self.watcher, now=self.now)

    def run(self, shards: Sequence[ObjectRef]) -> list[ShardEnd]:
        """Every shard's end, in order. Raises what no other attempt would mend; the results so far are kept."""
        fresh = (self._step(index, self.plan.evolve(prompts)) for index, prompts in enumerate(shards))
        while self._fill(fresh):
            self._take()
        return [self._ends[index] for index in range(len(shards))]

    def _step(self, shard: int, spec: EvolveSpec | ValidateSpec, evolved: Made | None = None) -> ShardStep:
        self._steps += 1
        return ShardStep(id=self._steps, shard=shard, spec=spec, evolved=evolved)

    def _fill(self, fresh: Iterator[ShardStep]) -> bool:
        """Send what there is room for, checks and further attempts first. False: nothing is left to wait for."""
        while len(self._flights) < self.window:
            step = self._again.popleft() if self._again else next(fresh, None)
            if step is None:
                break
            known = self.queue.result(step.spec.fingerprint())
            if known is not None:
                self._done(step, known)
            elif not self._send(step):
                self._again.appendleft(step)
                return True
        return len(self._flights) > 0

    def _send(self, step: ShardStep) -> bool:
        """False: the broker is away."""
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
            self._lookout.away(error)
            return False
        self._flights.begin(step, self.now())
        return True

    # ---- what comes back ----

    def _take(self) -> None:
        """Wait for one report, and follow it; look for losses when none comes."""
        lost: list[tuple[ShardStep, LostReason]] = []
        try:
            report = self.queue.next_report(self._lookout.in_s())
            if report is None:
                lost = self._lookout.look()
        except ServiceError as error:
            self._lookout.away(error)
            return
        if report is not None:
            self._follow(report)
        for step, why in lost:
            self._lost(step, why)

    def _follow(self, report: Report) -> None:
        match report:
            case StepFinished():
                # Of an older attempt it is as good: the fingerprint says so. One that ended before is nothing new, and
                # one that waits to be sent again finds its result then.
                if step := self._flights.end(report.step_id):
                    self._given_up = 0
                    self._failing.clear()
                    self._done(step, self.queue.book(report))
            case StepFailed():
                if step := self._flights.end(report.step_id, report.attempt):
                    self._failed(step, report)
            case StepReturned():
                if step := self._flights.end(report.step_id, report.attempt):
                    self._again.append(step)
            case StepStarted() | WorkerAlive():
                self._flights.note(report, self.now())

    def _done(self, step: ShardStep, made: Made) -> None:
        if isinstance(step.spec, EvolveSpec):
            check = self.plan.validate(ObjectRef(key=made.key))
            self._again.appendleft(self._step(step.shard, check, made))
        else:
            self._end(step.shard, ShardEnd(evolved=step.evolved, checked=made))

    def _failed(self, step: ShardStep, report: StepFailed) -> None:
        error, stops = self.queue.told(report), _STOPS.get(report.reason)
        if stops is not None:
            raise stops(error, self._kept())
        if report.reason is FailureReason.ENGINE_UNAVAILABLE:
            self._failing.add(step.shard)
            if len(self._failing) == ILL:
                raise EngineUnavailable(error, self._kept())
        self._try_again(step, error)

    def _try_again(self, step: ShardStep, error: str) -> None:
        step.failures += 1
        if step.failures < ATTEMPTS:
            self._again.append(step)
        else:
            self._give_up(step, error)

    def _give_up(self, step: ShardStep, error: str) -> None:
        self._given_up += 1
        if self._given_up == ILL:
            raise EngineError(error, self._kept())
        self._end(step.shard, ShardEnd(evolved=step.evolved, checked=None, failure=error))

    def _kept(self) -> str:
        return f"What is done is kept ({len(self._ends)} shards): the same command resumes."

    def _end(self, shard: int, end: ShardEnd) -> None:
        self._ends[shard] = end
        self.watcher.ended(len(self._ends))

    # ---- what does not come back ----

    def _lost(self, step: ShardStep, why: LostReason) -> None:
        """No failure of the step, but for the last of many."""
        self.watcher.noticed(f"Shard {step.shard + 1}: {_WORDS[why]}; it gets another attempt.")
        if why is LostReason.SILENT:
            step.lost += 1
            if step.lost == LOST:
                self._give_up(step, f"The last of {LOST} attempts: {_WORDS[why]}.")
            else:
                self._again.append(step)
            return
        step.missed += why is LostReason.NEVER_ARRIVED
        if step.missed == MISSED:
            raise ServiceError(
                f"A step was sent {MISSED} times, left the queue {QUEUE}, and no worker said that it began.",
                f"Look into the generation workers' logs: they may be of another version. {self._kept()}",
            )
        self._again.append(step)
