"""The steps of a run as a profile sees them: when each was ready, dispatched, begun and ended, and after which one.

Times are seconds since the run's start. Pure: rows are read elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.coordinator import StepTimings
from spar.report.profile.model import RunningTime
from spar.report.profile.spans import Span, capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedStep:
    """A step with its result. `sent` is when its last attempt was dispatched; `seconds` what its worker measured."""

    iteration: int
    kind: StepKind
    part: str
    worker: str | None
    attempt: int
    reused: bool
    sent: float
    ended: float
    seconds: float
    timings: StepTimings | None

    @property
    def began(self) -> float:
        """Reckoned back from the end: the worker's own clock measured the seconds."""
        return self.ended - self.seconds

    @property
    def span(self) -> Span:
        return self.began, self.ended

    @property
    def running(self) -> RunningTime:
        if self.timings is None:
            return RunningTime(unknown_s=self.seconds)
        measured = RunningTime(**self.timings.model_dump(exclude={"at_once"}))
        return measured + RunningTime(own_s=max(0.0, self.seconds - measured.total_s))


def slots(steps: Iterable[EndedStep]) -> int:
    """How many of the steps their workers had at once, all workers together: counted, or else read off their times."""
    by_worker: dict[str | None, list[EndedStep]] = defaultdict(list)
    for step in steps:
        by_worker[step.worker].append(step)
    return sum(_slots_of_worker(own) for own in by_worker.values())


def _slots_of_worker(steps: Sequence[EndedStep]) -> int:
    counted = [step.timings.at_once for step in steps if step.timings is not None and step.timings.at_once is not None]
    return max(counted) if counted else capacity(step.span for step in steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStep:
    """A step after the one that it waited for longest (None: its iteration's start), whose end made it ready."""

    step: EndedStep
    after: "PlacedStep | None"
    ready: float

    @property
    def sent(self) -> float:
        """Dispatched; never before it was ready, and never after it had begun."""
        return min(max(self.step.sent, self.ready), self.began)

    @property
    def began(self) -> float:
        return max(self.step.began, self.ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationSpan:
    """An iteration's start and end; None: it has not ended."""

    index: int
    started: float
    finished: float | None


@dataclass(slots=True)
class _Placing:
    started: float
    by_place: dict[tuple[StepKind, str], PlacedStep] = field(default_factory=dict)
    by_kind: dict[StepKind, list[PlacedStep]] = field(default_factory=lambda: defaultdict(list))

    def place(self, step: EndedStep) -> PlacedStep:
        before = [each for each in self._needed(step) if each.step.ended <= step.sent]
        after = max(before, key=lambda each: each.step.ended, default=None)
        ready = self.started if after is None else after.step.ended
        placed = PlacedStep(step=step, after=after, ready=min(ready, step.ended))
        self.by_place[step.kind, step.part] = placed
        self.by_kind[step.kind].append(placed)
        return placed

    def _needed(self, step: EndedStep) -> Sequence[PlacedStep]:
        """A recomputed result may have ended after those that needed it: such a one is not what they waited for."""
        match step.kind:
            case StepKind.SELECTION:
                return self._all(SHARD_KINDS)
            case StepKind.TRAINING:
                return self._all((StepKind.SELECTION,))
            case StepKind.EVALUATION:
                return self._all((StepKind.TRAINING,))
        earlier = SHARD_KINDS[: SHARD_KINDS.index(step.kind)]
        own = (self.by_place.get((kind, step.part)) for kind in reversed(earlier))
        return [each for each in own if each is not None][:1]

    def _all(self, kinds: Iterable[StepKind]) -> Sequence[PlacedStep]:
        return [each for kind in kinds for each in self.by_kind[kind]]


def placed_steps(steps: Iterable[EndedStep], iterations: Mapping[int, IterationSpan]) -> list[PlacedStep]:
    """Each with the one before it, in the order of work.

    The evaluation of the starting models belongs to no iteration: its steps are ready when the first was dispatched.
    """
    order = list(StepKind)
    ordered = sorted(steps, key=lambda step: (step.iteration, order.index(step.kind), step.ended))
    by_sending = sorted(ordered, key=lambda step: step.sent, reverse=True)
    starts = {step.iteration: step.sent for step in by_sending} | {at: each.started for at, each in iterations.items()}
    placing = {index: _Placing(started) for index, started in starts.items()}
    return [placing[step.iteration].place(step) for step in ordered]
