"""Fits an engine's pace to a pilot: replays the pilot under the law of `pace` until its calls take as long as observed.

What happened during a call (steps, everyone's tokens) cannot be observed from outside, but the replay knows it for each
call; the weights that best explain the observed seconds enter the next replay. A few rounds converge. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.planning.pace import EnginePace, least_squares
from spar.planning.queueing import Chain, Passed, Shard, Timeline, timeline
from spar.runtime.trace import TracedCall

ROUNDS = 5
"""The weights have converged by then: measured on simulated engines, full and half empty."""
LEAST_S = 1e-4
"""Shorter calls get no larger weight."""


@dataclass(frozen=True, slots=True)
class Play:
    """What ran concurrently in a pilot: shards, and calls beside them that waited for no shard."""

    shards: Sequence[Shard]
    kinds: Sequence[str]
    beside: Sequence[Chain] = ()


def fit_pace(calls: Sequence[TracedCall], plays: Sequence[Play], window: int, sequences: int) -> EnginePace | None:
    """The pace from the calls of these plays, which ran one after the other. None if no call completed."""
    seen = covered_seconds(calls)
    if not any(call.lengths for call in calls) or not seen:
        return None
    pace = EnginePace(
        call=0.0, step=1.0, token=0.01, prompt_token=0.0, sequences=sequences
    )  # what passes does not depend on the scale
    for _ in range(ROUNDS):
        passed = [one for play in plays for one in _played(play, window, pace).passed]
        call, step, token, prompt_token = _weights(passed)
        pace = EnginePace(call=call, step=step, token=token, prompt_token=prompt_token, sequences=sequences)
    # What the law leaves unexplained scales everything.
    played = sum(_played(play, window, pace).seconds for play in plays)
    return pace.times(seen / played) if played else None


def _played(play: Play, window: int, pace: EnginePace) -> Timeline:
    return timeline(play.shards, play.beside, play.kinds, window, pace)


def _weights(passed: Sequence[Passed]) -> list[float]:
    """Least squares relative to each call's time: a compromise between the many short calls and the long ones."""
    weights = [max(one.seen_s, LEAST_S) ** -0.5 for one in passed]
    rows = [
        [weight * each for each in (1.0, one.steps, one.tokens, one.prompt_tokens)]
        for weight, one in zip(weights, passed, strict=True)
    ]
    return least_squares(rows, [weight * one.seen_s for weight, one in zip(weights, passed, strict=True)])


def covered_seconds(calls: Sequence[TracedCall]) -> float:
    """The time during which at least one call was in flight: pauses of the pilot do not count."""
    covered, until = 0.0, float("-inf")
    for call in sorted(calls, key=lambda each: each.began):
        covered += max(0.0, call.ended - max(call.began, until))
        until = max(until, call.ended)
    return covered
