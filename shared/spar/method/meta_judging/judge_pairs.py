"""Makes pairs of judgments: the strongest judgment of a response over the weakest, with the judge prompt as the prompt.

They are pairs like any other, so one DPO learns from both kinds (Meta-Rewarding, arXiv 2407.19594). Every compared
prompt is counted: as a pair, or by the reason why it gave none.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from spar.method.meta_judging.elo import PlaceWeights, place_weights, strengths
from spar.method.meta_judging.matches import ComparedPrompt
from spar.method.records import Message, Pair, Prompt

_EQUAL = 1e-6  # strengths nearer than this differ by rounding alone


class NoJudgePair(StrEnum):
    EQUAL = "equal"  # no judgment is stronger than another
    SAME_TEXT = "same_text"
    WORDY = "wordy"  # the chosen judgment is longer than it may be


@dataclass(frozen=True, slots=True)
class JudgePairs:
    """The pairs, and how many compared prompts ended how: `pair`, or a `NoJudgePair`."""

    pairs: tuple[Pair, ...]
    counts: dict[str, int] = field(default_factory=dict)


def make_judge_pairs(
    compared: Sequence[ComparedPrompt],
    judge_turn: Callable[[str, str], tuple[Message, ...]],
    max_chars: int | None = None,
) -> JudgePairs:
    """One pair of each compared prompt at most. `judge_turn` makes the judge's turn of a prompt and a response."""
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
