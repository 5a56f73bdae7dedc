"""What would make a run faster, in sentences; with a figure only where `estimate` has one. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from spar.report.formats import duration, percent
from spar.report.profile.model import IterationProfile, Limit, MoreWorkers

WORTH = 0.05
"""What takes, or brings, less than this share of the time is not mentioned."""

REMEDIES = {
    Limit.ENGINE: "fewer tokens (`spar plan`, docs/performance.md) or a faster engine shorten it",
    Limit.TRAINING: "more GPUs or processes of the trainer shorten it (training.*.launch)",
    Limit.LOADING: "a faster disk or network, or workers that keep their model, shorten it",
    Limit.STORE: "a store nearer to the workers, or larger shards (prompts.shard_size), shorten it",
    Limit.TURN: "another training or its files held the GPUs or the model's lock",
    Limit.OWN_CODE: "parsing, hashing, selection, or a benchmark's own program: more CPU shortens it",
    Limit.UNKNOWN: "their workers are of an older version: update them to see engine, store and own code",
    Limit.COORDINATOR: "workers were free: see the queue and the coordinator's CPU, and dispatch.* in the recipe",
    Limit.RETRIES: "attempts failed or were lost: `spar dead list`, and the workers' logs",
}
"""After "SHARE of the critical path: "."""


def totals(iterations: Iterable[IterationProfile]) -> dict[Limit, float]:
    """The limits of all iterations, the largest first."""
    seconds: dict[Limit, float] = defaultdict(float)
    for iteration in iterations:
        for limit, each in iteration.limits.items():
            seconds[limit] += each
    return dict(sorted(seconds.items(), key=lambda item: -item[1]))


def advise(iterations: Sequence[IterationProfile], estimates: Sequence[MoreWorkers]) -> tuple[str, ...]:
    """The largest limit, and more workers where that brings something."""
    limits = totals(iterations)
    on = sum(seconds for limit, seconds in limits.items() if limit is not Limit.OFF)
    short = on > 0 and limits.get(Limit.NO_WORKER, 0.0) / on >= WORTH
    helped = [_one_more(each) for each in estimates if short and each.now_s - each.then_s >= WORTH * each.now_s]
    largest = next((limit for limit in limits if limit in REMEDIES), None)
    if largest is None or limits[largest] < WORTH * on:
        return tuple(helped)
    share = percent(limits[largest] / on)
    return (*helped, f"{largest.value}: {share} of the critical path; {REMEDIES[largest]}.")


def _one_more(estimate: MoreWorkers) -> str:
    steps = ", ".join(kind.value for kind in estimate.kinds)
    return (
        f"{steps}: steps wait for workers. {estimate.workers} workers, each with an engine of its own, would take "
        f"about {duration(estimate.then_s)} instead of {duration(estimate.now_s)} (an estimate: the measured steps, "
        "each given to the worker that is free first)."
    )
