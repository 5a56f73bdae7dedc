"""Takes every shard of seed prompts through its two steps, evolve and validate, some at once, checks first.

A step whose result is there is not sent. What a stop or a failure cut off is therefore all that the next call does.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from spar.db.tables import Result
from spar.embedded.step_queue import StepQueue
from spar.errors import (
    DataError,
    EngineError,
    EngineUnavailable,
    ModelUnusable,
    RecipeError,
    SparError,
    StoreError,
)
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.coordinator import StepFailed, StepFinished
from spar.messages.evolution import EVOLVE_TASK, VALIDATE_TASK, Evolve, EvolveSpec, Validate, ValidateSpec
from spar.recipes.models import EngineSettings, SamplingSettings

ATTEMPTS = 3
"""Of a step that runs out of time, or fails in a way that nobody foresaw; then its shard is given up."""
ILL = 3
"""Shards given up without any step done in between: not they are ill, but the engine."""
STEP_DEADLINE = 24 * 3600.0  # seconds; calls have a deadline of their own, this ends what hangs without one
_STOPS: dict[str, type[SparError]] = {
    error.__name__: error
    for error in (DataError, EngineError, EngineUnavailable, ModelUnusable, RecipeError, StoreError)
}
"""Failures that the next shard would meet as well: they end the command, which goes on later."""


@dataclass(frozen=True, slots=True)
class EvolutionPlan:
    """All that decides what a shard becomes. `forms` and `taxonomy` are in the store."""

    model: ModelRef
    engine: EngineSettings
    forms: ObjectRef
    taxonomy: ObjectRef
    sampling: SamplingSettings
    retries: int
    seed: int

    def evolve(self, prompts: ObjectRef) -> EvolveSpec:
        return EvolveSpec(prompts=prompts, **self._shared())

    def validate(self, evolved: ObjectRef) -> ValidateSpec:
        return ValidateSpec(evolved=evolved, **self._shared())

    def _shared(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "engine": EngineIdentity.of(self.engine),
            "forms": self.forms,
            "taxonomy": self.taxonomy,
            "sampling": self.sampling,
            "retries": self.retries,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class ShardEnd:
    """Its two results, or why there are not both. `evolved` and `checked` are keys in the store."""

    evolved: Result | None
    checked: Result | None
    failure: str = ""


@dataclass(slots=True)
class _Step:
    shard: int
    spec: EvolveSpec | ValidateSpec
    evolved: Result | None = None
    attempt: int = 0


Looked = Callable[[int], None]


@dataclass(slots=True)
class ShardRunner:
    """Runs shards through a queue, at most `window` steps in flight. `looked` is told how many shards have ended."""

    queue: StepQueue
    plan: EvolutionPlan
    window: int
    looked: Looked = lambda _: None
    _ends: dict[int, ShardEnd] = field(default_factory=dict)
    _again: deque[_Step] = field(default_factory=deque)
    _in_flight: dict[int, _Step] = field(default_factory=dict)
    _sent: int = 0
    _given_up: int = 0

    def run(self, shards: Sequence[ObjectRef]) -> list[ShardEnd]:
        """Every shard's end, in order. Raises what no other attempt would mend; the results so far are kept."""
        fresh = iter(_Step(index, self.plan.evolve(prompts)) for index, prompts in enumerate(shards))
        while self._fill(fresh):
            self._take()
        return [self._ends[index] for index in range(len(shards))]

    def _fill(self, fresh: Iterator[_Step]) -> bool:
        """Send what there is room for, checks and second attempts first. False: nothing is left to wait for."""
        while len(self._in_flight) < self.window:
            step = self._again.popleft() if self._again else next(fresh, None)
            if step is None:
                break
            known = self.queue.result(step.spec.fingerprint())
            if known is None:
                self._send(step)
            else:
                self._done(step, known)
        return bool(self._in_flight)

    def _send(self, step: _Step) -> None:
        self._sent += 1
        step.attempt += 1
        self._in_flight[self._sent] = step
        envelope = {
            "run_id": "evolution",
            "step_id": self._sent,
            "attempt": step.attempt,
            "fingerprint": step.spec.fingerprint(),
            "deadline_s": STEP_DEADLINE,
            "engine": self.plan.engine,
            "spec": step.spec,
        }
        if isinstance(step.spec, EvolveSpec):
            self.queue.send(EVOLVE_TASK, Evolve.model_validate(envelope))
        else:
            self.queue.send(VALIDATE_TASK, Validate.model_validate(envelope))

    def _take(self) -> None:
        """Wait for one report, and follow it."""
        report = self.queue.next_report()
        if isinstance(report, StepFinished):
            self._given_up = 0
            self._done(self._in_flight.pop(report.step_id), self.queue.book(report))
        elif isinstance(report, StepFailed):
            self._failed(self._in_flight.pop(report.step_id), report)

    def _done(self, step: _Step, result: Result) -> None:
        if isinstance(step.spec, EvolveSpec):
            self._again.appendleft(_Step(step.shard, self.plan.validate(ObjectRef(key=result.key)), result))
        else:
            self._end(step.shard, ShardEnd(step.evolved, result))

    def _failed(self, step: _Step, report: StepFailed) -> None:
        stops = _STOPS.get(report.reason)
        if stops is None and step.attempt < ATTEMPTS:
            self._again.append(step)
            return
        self._given_up += stops is None
        if stops is not None or self._given_up == ILL:
            kept = f"What is done is kept ({len(self._ends)} shards): the same command goes on."
            raise (stops or EngineError)(report.error, kept)
        self._end(step.shard, ShardEnd(step.evolved, None, report.error))

    def _end(self, shard: int, end: ShardEnd) -> None:
        self._ends[shard] = end
        self.looked(len(self._ends))
