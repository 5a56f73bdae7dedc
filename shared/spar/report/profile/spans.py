"""Stretches of time as pairs of seconds (began, ended): merged, cut, counted. Knows nothing of steps."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

Span = tuple[float, float]

MOMENT = 0.05
"""As a share of the time that any of the spans lasted."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same instants, in order and without overlaps."""
    found: list[Span] = []
    for began, ended in sorted(spans):
        if found and began <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ended))
        elif ended > began:
            found.append((began, ended))
    return found


def length(spans: Iterable[Span]) -> float:
    """How long at least one of them lasted."""
    return sum(ended - began for began, ended in merged(spans))


def within(spans: Sequence[Span], bounds: Sequence[Span]) -> list[Span]:
    """What of the spans lies within the bounds, which don't overlap."""
    cut = ((max(began, low), min(ended, high)) for began, ended in spans for low, high in bounds)
    return merged((began, ended) for began, ended in cut if ended > began)


def between(bounds: Span, taken: Sequence[Span]) -> list[Span]:
    """What the spans leave free within the bounds."""
    edges = [bounds[0], *(edge for span in within(taken, [bounds]) for edge in span), bounds[1]]
    return [(began, ended) for began, ended in zip(edges[::2], edges[1::2], strict=True) if ended > began]


def levels(spans: Iterable[Span]) -> Iterator[tuple[Span, int]]:
    """How many of them lasted at once, from one change to the next."""
    changes = sorted((at, by) for began, ended in spans if ended > began for at, by in ((began, 1), (ended, -1)))
    count = 0
    for (at, by), (until, _) in pairwise(changes):
        count += by
        if until > at:
            yield (at, until), count


def capacity(spans: Iterable[Span]) -> int:
    """The most that lasted at once for more than a moment: reports are booked with some delay, so that steps which
    followed one another seem to overlap a little."""
    lasted: dict[int, float] = {}
    for (began, ended), count in levels(spans):
        lasted[count] = lasted.get(count, 0.0) + ended - began
    some = sum(seconds for count, seconds in lasted.items() if count)
    found, at_least = 0, 0.0
    for count in sorted(lasted, reverse=True):
        at_least += lasted[count]
        if count and at_least >= MOMENT * some:
            found = count
            break
    return found


def at_least(spans: Iterable[Span], many: int) -> list[Span]:
    """When so many lasted at once."""
    return merged(span for span, count in levels(spans) if count and count >= many)
