"""Pairs of judgments: the strongest judgment of a response over the weakest, with the judge prompt as the prompt.

A judgment's strength is its Bradley-Terry maximum over position-weighted wins, as in Meta-Rewarding (arXiv 2407.19594,
section 2.3, equations 2 to 4). The pairs are like any others, so that one DPO learns from both kinds. Every compared
prompt is counted: as a pair, or by the reason that it gave none.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from spar.method.meta_judging.matches import ComparedPrompt, Match, Winner
from spar.method.records import Message, Pair, Prompt

_PRIOR = 0.01  # a win each way: without it a judgment that never lost would be infinitely strong
_ROUNDS = 200  # far more than eleven judgments need to converge
_EQUAL = 1e-6  # strengths nearer than this differ by rounding alone


class NoJudgePair(StrEnum):
    EQUAL = "equal"  # no judgment is stronger than another
    SAME_TEXT = "same_text"
    WORDY = "wordy"  # the chosen judgment is longer than max_chars


@dataclass(frozen=True, slots=True)
class JudgePairs:
    """The pairs, and the number of compared prompts by result: `pair`, or a `NoJudgePair`."""

    pairs: tuple[Pair, ...]
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceWeights:
    """The weight of a win by the judgment shown first and by the one shown second."""

    first: float
    second: float


def make_judge_pairs(
    compared: Sequence[ComparedPrompt],
    judge_turn: Callable[[str, str], tuple[Message, ...]],
    max_chars: int | None = None,
) -> JudgePairs:
    """At most one pair from each compared prompt. `judge_turn` builds the judge's turn for a prompt and a response."""
    weights = place_weights([match for row in compared for match in row.matches])
    ends = [_pair(row, weights, judge_turn, max_chars) for row in compared]
    pairs = tuple(end for end in ends if isinstance(end, Pair))
    counts = Counter("pair" if isinstance(end, Pair) else end.value for end in ends)
    return JudgePairs(pairs, dict(sorted(counts.items())))


def _pair(
    row: ComparedPrompt,
    weights: PlaceWeights,
    judge_turn: Callable[[str, str], tuple[Message, ...]],
    max_chars: int | None,
) -> Pair | NoJudgePair:
    powers = strengths(len(row.judgments), row.matches, weights)
    best, worst = powers.index(max(powers)), powers.index(min(powers))
    if powers[best] - powers[worst] < _EQUAL:
        return NoJudgePair.EQUAL
    chosen, rejected = row.judgments[best], row.judgments[worst]
    if chosen.strip() == rejected.strip():
        return NoJudgePair.SAME_TEXT
    if max_chars is not None and len(chosen) > max_chars:
        return NoJudgePair.WORDY
    [turn] = judge_turn(row.prompt.text, row.response.text)
    return Pair(prompt=Prompt.of(turn.content), chosen=chosen, rejected=rejected)


def place_weights(matches: Sequence[Match]) -> PlaceWeights:
    """The place that wins more often has the lower weight, so that being shown first is no advantage."""
    first = sum(match.winner is Winner.FIRST for match in matches)
    second = sum(match.winner is Winner.SECOND for match in matches)
    if not first or not second:
        # All wins of one place: only places were compared, and the two orders cancel out.
        return PlaceWeights(first=0.5, second=0.5)
    return PlaceWeights(first=second / (first + second), second=first / (first + second))


def strengths(judgments: int, matches: Sequence[Match], weights: PlaceWeights) -> list[float]:
    """The log-strength of each judgment, by minorise-maximise; a match without a winner is ignored."""
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
