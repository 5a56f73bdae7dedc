"""A run's time by kind of step and by worker. Pure."""

from collections.abc import Iterable, Sequence

from spar.messages.base import StepKind
from spar.report.profile.model import KindProfile, RunningTime, WorkerProfile
from spar.report.profile.spans import Span, length, within
from spar.report.profile.steps import PlacedStep, slots


def by_kind(steps: Sequence[PlacedStep], active: Sequence[Span]) -> tuple[KindProfile, ...]:
    """`active` are the times of the run; waiting outside them is nobody's."""
    grouped = {kind: [each for each in steps if each.step.kind is kind] for kind in StepKind}
    return tuple(_kind(kind, of_kind, active) for kind, of_kind in grouped.items() if of_kind)


def _kind(kind: StepKind, steps: Sequence[PlacedStep], active: Sequence[Span]) -> KindProfile:
    done = [each for each in steps if not each.step.reused]

    def seconds(spans: Iterable[Span]) -> float:
        return sum(length(within([span], active)) for span in spans)

    return KindProfile(
        kind=kind,
        steps=len(done),
        reused=len(steps) - len(done),
        held_s=seconds((each.ready, each.sent) for each in done if each.step.attempt <= 1),
        queued_s=seconds((each.sent, each.began) for each in done),
        retried_s=seconds((each.ready, each.sent) for each in done if each.step.attempt > 1),
        running=total(done),
        by_clock_s=length(each.step.span for each in done),
    )


def total(steps: Sequence[PlacedStep]) -> RunningTime:
    return sum((each.step.running for each in steps), RunningTime())


def by_worker(steps: Sequence[PlacedStep], active: Sequence[Span]) -> tuple[WorkerProfile, ...]:
    """In order of their names."""
    done = [each for each in steps if not each.step.reused and each.step.worker is not None]
    names = sorted({str(each.step.worker) for each in done})
    return tuple(_worker(name, done, active) for name in names)


def _worker(name: str, done: Sequence[PlacedStep], active: Sequence[Span]) -> WorkerProfile:
    own = [each for each in done if each.step.worker == name]
    kinds = tuple(kind for kind in StepKind if any(each.step.kind is kind for each in own))
    busy = [each.step.span for each in own]
    queued = [(each.sent, each.began) for each in done if each.step.kind in kinds]
    busy_s = length(within(busy, active))
    occupied_s = length(within([*busy, *queued], active))
    wall_s = length(active)
    return WorkerProfile(
        worker=name,
        kinds=kinds,
        steps=len(own),
        at_once=slots(each.step for each in own),
        wall_s=wall_s,
        busy=total(own).scaled(busy_s),
        queue_s=occupied_s - busy_s,
        idle_s=wall_s - occupied_s,
    )
