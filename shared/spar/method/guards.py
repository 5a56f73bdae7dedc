"""Guards before training: figures of an iteration's rows that reveal data from which no model should learn.

Each figure is a share or a ratio, and higher is worse; the bounds and their consequences are defined elsewhere. Whether
rows are contaminated, or are tokenized differently in training and serving, is measured by modules that know
evaluations and tokenizers.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from spar.method.records import Example, Judgment, Pair, Tree, Verdict


class Guard(StrEnum):
    SAME = "same"  # share of pairs whose chosen and rejected are the same text
    EMPTY = "empty"  # share of rows with an empty text
    REPEATED_PROMPTS = "repeated_prompts"  # share of the actor's rows whose prompt an earlier one has
    REPEATED_ROWS = "repeated_rows"  # share of rows that an earlier one equals
    CONTAMINATED = "contaminated"  # share of the actor's rows whose prompt an evaluation uses
    IDS = "ids"  # share of rows that are trained on as other ids than are served
    LENGTH_GAP = "length_gap"  # mean words of chosen over those of rejected, or its inverse: whichever is above 1
    DISTANCE = "distance"  # mean share of words that a refinement and its negative do not have in common
    LABELS = "labels"  # share of the judgments that have the most frequent label
    MARGINS = "margins"  # share of the judgments of several votes that a single vote decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A guard's figure and the number of rows or judgments that it covers; for none it is not meaningful."""

    value: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """The training data of an iteration's models."""

    pairs: Sequence[Pair] = ()
    actor_examples: Sequence[Example] = ()
    judge_pairs: Sequence[Pair] = ()
    refiner_examples: Sequence[Example] = ()


def row_figures(rows: TrainingRows, trees: Iterable[Tree] = ()) -> dict[Guard, Figure]:
    """`trees` identify the pairs of a refinement and its negative: other pairs need not be close."""
    learned: Sequence[Pair | Example] = [*rows.pairs, *rows.judge_pairs, *rows.actor_examples, *rows.refiner_examples]
    texts = [_texts(row) for row in learned]
    prompts = [_folded(row.prompt.text) for row in rows.pairs]
    prompts += [row.prompt_id for row in rows.actor_examples]
    return {
        Guard.SAME: share(_folded(pair.chosen) == _folded(pair.rejected) for pair in (*rows.pairs, *rows.judge_pairs)),
        Guard.EMPTY: share(not all(row) for row in texts),
        Guard.REPEATED_PROMPTS: _repeated(prompts),
        Guard.REPEATED_ROWS: _repeated(texts),
        Guard.LENGTH_GAP: _length_gap(rows.pairs),
        Guard.DISTANCE: _distance(_refined(rows.pairs, trees)),
    }


def judgment_figures(judgments: Iterable[Judgment]) -> dict[Guard, Figure]:
    decided = [judgment for judgment in judgments if judgment.label is not None]
    labels = Counter(judgment.label for judgment in decided)
    margins = [margin for judgment in decided if (margin := _margin(judgment)) is not None]
    return {
        Guard.LABELS: Figure(value=max(labels.values(), default=0) / max(1, len(decided)), rows=len(decided)),
        Guard.MARGINS: share(margin <= 1 for margin in margins),
    }


def share(found: Iterable[bool]) -> Figure:
    """The share of the checked rows that have the fault."""
    marks = list(found)
    return Figure(value=sum(marks) / max(1, len(marks)), rows=len(marks))


def _refined(pairs: Sequence[Pair], trees: Iterable[Tree]) -> list[Pair]:
    best: Mapping[str, str] = {tree.prompt.id: tree.node(tree.best).text for tree in trees if tree.best is not None}
    return [pair for pair in pairs if best.get(pair.prompt.id) == pair.chosen]


def _margin(judgment: Judgment) -> int | None:
    """The majority's margin in votes; None for a single vote, with which none can disagree."""
    counted = Counter(vote.verdict for vote in judgment.votes)
    yes, no = counted[Verdict.YES], counted[Verdict.NO]
    return abs(yes - no) if yes + no > 1 else None


def _repeated(keys: Sequence[Hashable]) -> Figure:
    return Figure(value=(len(keys) - len(set(keys))) / max(1, len(keys)), rows=len(keys))


def _length_gap(pairs: Sequence[Pair]) -> Figure:
    if not pairs:
        return Figure(value=1.0, rows=0)
    short, long = sorted(
        fmean(len(text.split()) for text in texts)
        for texts in ([pair.chosen for pair in pairs], [pair.rejected for pair in pairs])
    )
    return Figure(value=max(long, 1.0) / max(short, 1.0), rows=len(pairs))


def _distance(pairs: Sequence[Pair]) -> Figure:
    return Figure(value=fmean(1 - _in_common(pair) for pair in pairs) if pairs else 0.0, rows=len(pairs))


def _in_common(pair: Pair) -> float:
    """Twice the common words over all words of both texts, in any order: the cost is linear in their length."""
    chosen, rejected = Counter(pair.chosen.split()), Counter(pair.rejected.split())
    return 2 * (chosen & rejected).total() / max(1, chosen.total() + rejected.total())


def _texts(row: Pair | Example) -> tuple[str, ...]:
    if isinstance(row, Pair):
        return _folded(row.prompt.text), _folded(row.chosen), _folded(row.rejected)
    return tuple(_folded(message.content) for message in row.messages)


def _folded(text: str) -> str:
    return " ".join(text.split())
