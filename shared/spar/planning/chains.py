"""Reconstructs chains from a pilot's calls: which call of a prompt's step waited for which. Simulates nothing."""

from collections.abc import Iterable, Mapping, Sequence

from spar.planning.queueing import Chain, QueuedCall
from spar.runtime.trace import TracedCall

SLACK_S = 1e-9


def chains_of(calls: Iterable[TracedCall]) -> dict[str, Chain]:
    """By unit: a call waits for the last of its unit's calls that ended before it began."""
    by_unit: dict[str, list[TracedCall]] = {}
    for call in calls:
        by_unit.setdefault(call.unit, []).append(call)
    return {unit: _chain(sorted(found, key=lambda call: call.began)) for unit, found in by_unit.items()}


def _chain(calls: Sequence[TracedCall]) -> Chain:
    return [
        QueuedCall(_before(calls, place), call.prompt_tokens, call.lengths, call.ended - call.began)
        for place, call in enumerate(calls)
    ]


def _before(calls: Sequence[TracedCall], place: int) -> int | None:
    earlier = [other for other in range(place) if calls[other].ended <= calls[place].began + SLACK_S]
    return max(earlier, key=lambda other: calls[other].ended, default=None)


def by_kind(calls: Sequence[TracedCall]) -> dict[str, dict[str, Chain]]:
    """Kind of step -> unit -> its chain."""
    kinds: dict[str, list[TracedCall]] = {}
    for call in calls:
        kinds.setdefault(call.kind, []).append(call)
    return {kind: chains_of(found) for kind, found in kinds.items()}


def of_units(
    chains: Mapping[str, Mapping[str, Chain]], kinds: Sequence[str], units: Sequence[str]
) -> dict[str, list[Chain]]:
    """The chains of a shard of these units."""
    return {kind: [chains[kind][unit] for unit in units if unit in chains.get(kind, {})] for kind in kinds}
