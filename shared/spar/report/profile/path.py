"""The critical path of an iteration: back from its end, each time to the step that was waited for longest. Pure.

While a step on it waits, there either was no worker free, or there was one and the step had not reached it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from spar.messages.base import StepKind
from spar.report.profile.model import IterationProfile, Limit, PathStep
from spar.report.profile.spans import Span, at_least, between, length, within
from spar.report.profile.steps import IterationSpan, PlacedStep, slots

Seconds = dict[Limit, float]

RUNNING = {
    "engine_s": Limit.ENGINE,
    "training_s": Limit.TRAINING,
    "loading_s": Limit.LOADING,
    "store_s": Limit.STORE,
    "turn_s": Limit.TURN,
    "own_s": Limit.OWN_CODE,
    "unknown_s": Limit.UNKNOWN,
}


def full_times(steps: Sequence[PlacedStep]) -> dict[StepKind, list[Span]]:
    """By kind: when the workers that take such steps worked on as many at once as they could."""
    done = [each.step for each in steps if not each.step.reused]
    workers = {kind: {step.worker for step in done if step.kind is kind} for kind in {step.kind for step in done}}
    theirs = {kind: [step for step in done if step.worker in names] for kind, names in workers.items()}
    return {kind: at_least((step.span for step in taken), slots(taken)) for kind, taken in theirs.items()}


def critical_path(
    iteration: IterationSpan,
    steps: Sequence[PlacedStep],
    active: Sequence[Span],
    full: Mapping[StepKind, Sequence[Span]],
) -> IterationProfile:
    """`steps` are the iteration's own. A step that ended after the iteration (it was recomputed) is not on its path."""
    last_end = max((each.step.ended for each in steps), default=iteration.started)
    end = last_end if iteration.finished is None else iteration.finished
    seconds: Seconds = defaultdict(float)
    path: list[PathStep] = []
    ending = [each for each in steps if each.step.kind is not StepKind.EVALUATION and each.step.ended <= end]
    step = max(ending, key=lambda each: each.step.ended, default=None)
    _book(seconds, (iteration.started if step is None else step.step.ended, end), Limit.COORDINATOR, active)
    while step is not None:
        path.insert(0, _path_step(step))
        _book_waiting(seconds, step, active, full.get(step.step.kind, ()))
        running = step.step.running.scaled(step.step.ended - step.began)
        for name, limit in RUNNING.items():
            seconds[limit] += getattr(running, name)
        step = step.after
    spent = {limit: seconds[limit] for limit in Limit if seconds[limit] > 0}
    return IterationProfile(
        iteration=iteration.index,
        seconds=end - iteration.started,
        limits=spent,
        limiting=max(spent, key=lambda limit: spent[limit], default=None),
        path=tuple(path),
    )


def _book_waiting(seconds: Seconds, step: PlacedStep, active: Sequence[Span], full: Sequence[Span]) -> None:
    if step.step.attempt > 1:
        _book(seconds, (step.ready, step.sent), Limit.RETRIES, active)
        waited = (step.sent, step.began)
    else:
        waited = (step.ready, step.began)
    for free in between(waited, full):
        _book(seconds, free, Limit.COORDINATOR, active)
    for busy in within([waited], full):
        _book(seconds, busy, Limit.NO_WORKER, active)


def _book(seconds: Seconds, span: Span, limit: Limit, active: Sequence[Span]) -> None:
    """What of the span lies outside the run's times goes to nobody's account."""
    on = length(within([span], active))
    seconds[limit] += on
    seconds[Limit.OFF] += span[1] - span[0] - on


def _path_step(step: PlacedStep) -> PathStep:
    return PathStep(
        kind=step.step.kind,
        part=step.step.part,
        worker=step.step.worker,
        waited_s=step.began - step.ready,
        running_s=step.step.ended - step.began,
    )
