"""What one more worker would bring: the measured steps, given to whichever slot is free first. Pure.

A simple model: a step takes as long as it took, so the new worker brings an engine as fast as the others'. Kinds that
share workers are scheduled together, later kinds first, as the coordinator dispatches them.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spar.messages.base import SHARD_KINDS, StepKind
from spar.report.profile.model import MoreWorkers
from spar.report.profile.spans import length
from spar.report.profile.steps import PlacedStep, slots

ORDER = {kind: place for place, kind in enumerate(StepKind)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerGroup:
    """Workers that take the same kinds of steps, and how many steps they had at once."""

    kinds: tuple[StepKind, ...]
    workers: int
    slots: int
    steps: tuple[PlacedStep, ...]


def worker_groups(steps: Sequence[PlacedStep]) -> list[WorkerGroup]:
    """Kinds of shard steps that share a worker are in one group, in the order of work."""
    done = [each for each in steps if each.step.kind in SHARD_KINDS and not each.step.reused]
    found: list[tuple[set[StepKind], set[str | None]]] = []
    for kind in SHARD_KINDS:
        workers = {each.step.worker for each in done if each.step.kind is kind}
        shared = [group for group in found if group[1] & workers]
        kinds = {kind}.union(*(group[0] for group in shared))
        workers = workers.union(*(group[1] for group in shared))
        found = [*(group for group in found if group not in shared), (kinds, workers)]
    return [_group([each for each in done if each.step.kind in kinds]) for kinds, workers in found if workers]


def _group(steps: Sequence[PlacedStep]) -> WorkerGroup:
    return WorkerGroup(
        kinds=tuple(kind for kind in SHARD_KINDS if any(each.step.kind is kind for each in steps)),
        workers=len({each.step.worker for each in steps}),
        slots=slots(each.step for each in steps),
        steps=tuple(steps),
    )


def with_one_more(group: WorkerGroup) -> MoreWorkers:
    """The time by the clock of the group's steps, as it was and as it would be, over all iterations.

    The model's own error cancels as far as it is the same for both numbers of workers.
    """
    iterations: dict[int, list[PlacedStep]] = defaultdict(list)
    for each in group.steps:
        iterations[each.step.iteration].append(each)
    now_s = then_s = 0.0
    more = -(-group.slots * (group.workers + 1) // group.workers)
    for steps in iterations.values():
        measured = length((each.ready, each.step.ended) for each in steps)
        now_s += measured
        modelled = makespan(steps, group.slots)
        then_s += measured * min(1.0, makespan(steps, more) / modelled) if modelled else measured
    return MoreWorkers(kinds=group.kinds, workers=group.workers + 1, now_s=now_s, then_s=then_s)


def makespan(steps: Sequence[PlacedStep], slots: int) -> float:
    """From the first step's readiness to the last one's end, with so many steps at once.

    What waits for a step of another group is ready when it was.
    """
    own = {id(each) for each in steps}
    following: dict[int, list[PlacedStep]] = defaultdict(list)
    arriving = []
    for number, each in enumerate(steps):
        if each.after is not None and id(each.after) in own:
            following[id(each.after)].append(each)
        else:
            arriving.append((each.ready, number, each))
    heapq.heapify(arriving)
    return _schedule(arriving, following, slots)


def _schedule(
    arriving: list[tuple[float, int, PlacedStep]], following: dict[int, list[PlacedStep]], slots: int
) -> float:
    first = now = arriving[0][0]
    waiting: list[tuple[int, int, PlacedStep]] = []
    running: list[tuple[float, int, PlacedStep]] = []
    number = 0

    def wait(steps: Iterable[PlacedStep]) -> None:
        nonlocal number
        for each in steps:
            number += 1
            heapq.heappush(waiting, (-ORDER[each.step.kind], number, each))

    while arriving or waiting or running:
        while arriving and arriving[0][0] <= now:
            wait([heapq.heappop(arriving)[2]])
        while waiting and len(running) < slots:
            each = heapq.heappop(waiting)[2]
            number += 1
            heapq.heappush(running, (now + each.step.seconds, number, each))
        coming = [queue[0][0] for queue in (arriving, running) if queue and (queue is running or len(running) < slots)]
        now = max(now, min(coming, default=now))
        while running and running[0][0] <= now:
            wait(following[id(heapq.heappop(running)[2])])
    return now - first
