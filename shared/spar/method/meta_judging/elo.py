"""From comparisons to a strength for each judgment: position-weighted wins, then the Bradley-Terry maximum.

As Meta-Rewarding does it (arXiv 2407.19594, section 2.3, equations 2 to 4): a win counts by how rarely its place wins.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.meta_judging.matches import Match, Winner

_PRIOR = 0.01  # a win each way: without it a judgment that never lost would be infinitely strong
_ROUNDS = 200  # far more than eleven judgments need to settle


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceWeights:
    """What a win counts from the first and from the second place."""

    first: float
    second: float


def place_weights(matches: Sequence[Match]) -> PlaceWeights:
    """A place that wins more often than the other counts less, so that showing a judgment first is no help to it."""
    first = sum(match.winner is Winner.FIRST for match in matches)
    second = sum(match.winner is Winner.SECOND for match in matches)
    if not first or not second:
        return PlaceWeights(
            first=0.5, second=0.5
        )  # all of one place: nothing was compared but places, and both orders cancel out
    return PlaceWeights(first=second / (first + second), second=first / (first + second))


def strengths(judgments: int, matches: Sequence[Match], weights: PlaceWeights) -> list[float]:
    """The log-strength of each judgment, by minorise-maximise; a match without a winner counts for nobody."""
    wins = [[_PRIOR if row != column else 0.0 for column in range(judgments)] for row in range(judgments)]
    for match in matches:
        if match.winner is Winner.FIRST:
            wins[match.first][match.second] += weights.first
        elif match.winner is Winner.SECOND:
            wins[match.second][match.first] += weights.second
    power = [1.0] * judgments
    for _ in range(_ROUNDS):
        power = [_better(one, power, wins) for one in range(judgments)]
        mean = math.exp(sum(math.log(value) for value in power) / judgments)
        power = [value / mean for value in power]
    return [math.log(value) for value in power]


def _better(one: int, power: Sequence[float], wins: Sequence[Sequence[float]]) -> float:
    others = [other for other in range(len(power)) if other != one]
    met = sum((wins[one][other] + wins[other][one]) / (power[one] + power[other]) for other in others)
    return sum(wins[one][other] for other in others) / met
