"""LLMBar (Z. Zeng et al., ICLR 2024), evaluated pointwise as in arXiv 2412.11605: each output of a pair is judged Yes
or No on its own. Accuracy and F1 (positive = Yes) over 2N items per subset; adversarial is the macro mean of its four
subsets, average that of all five.

For a judge that scores by a rubric, a high enough mean score is a Yes (rubric: from 4 of 5). As such a threshold is not
part of LLMBar, `preference` also counts the pairs whose better output scored higher.

A reply that cannot be read counts as wrong: neither Yes nor No, but part of the total. Knows nothing of how replies
were generated.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from spar.errors import DataError, RecipeError
from spar.evaluation.benchmarks.report import BenchmarkReport, Interval, ScoredItem, Table, percent_interval
from spar.evaluation.benchmarks.rows import AnswerRows, Answers, NumberedRow, digest, match_answers, read_bytes
from spar.evaluation.judging import Judging
from spar.evaluation.resampling import bootstrap
from spar.evaluation.statistics import Proportion
from spar.method.records import JudgmentFailure, Verdict, Vote

NAME = "llmbar"
NATURAL = "Natural"
ADVERSARIAL = ("GPTInst", "GPTOut", "Manual", "Neighbor")
SUBSETS = (NATURAL, *ADVERSARIAL)

TIED = JudgmentFailure.TIED.value
Key = tuple[str, int, int]
"""Subset, index of the pair from 0, output 1 or 2."""


@dataclass(frozen=True, slots=True)
class OutputPair:
    """One pair of outputs; `label` (1 or 2) is the one that follows the input."""

    input: str
    outputs: tuple[str, str]
    label: int


@dataclass(frozen=True, slots=True)
class Judged:
    """One output, judged by one or more votes. `verdict` is None if no reply can be read, or the votes are tied."""

    key: Key
    good: bool
    votes: tuple[Vote, ...]
    verdict: Verdict | None
    judging: Judging = field(default_factory=Judging)

    @property
    def failure(self) -> str | None:
        """Why there is no verdict."""
        if self.verdict is not None:
            return None
        return TIED if any(vote.verdict for vote in self.votes) else self.votes[0].failure

    @property
    def correct(self) -> bool:
        return self.verdict == (Verdict.YES if self.good else Verdict.NO)


def read_pairs(folder: Path) -> tuple[dict[str, list[OutputPair]], str]:
    """The five subsets and the digest of their files. `folder` holds Natural/ and Adversarial/."""
    pairs: dict[str, list[OutputPair]] = {}
    raw = b""
    for subset in SUBSETS:
        path = folder / (subset if subset == NATURAL else f"Adversarial/{subset}") / "dataset.json"
        content = read_bytes(path)
        raw += content
        try:
            pairs[subset] = [
                OutputPair(row["input"], (row["output_1"], row["output_2"]), row["label"])
                for row in json.loads(content)
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no LLMBar subset ({error}).", "Name the folder Dataset/LLMBar.") from error
    return pairs, digest(raw)


def score(answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score rows of {subset, index, output} with a `reply`, or with `replies` whose majority counts."""
    pairs, data_digest = read_pairs(data)
    truth = {
        (subset, index, output): pair.label == output
        for subset, listed in pairs.items()
        for index, pair in enumerate(listed)
        for output in (1, 2)
    }
    given = match_answers(answers, truth, _key, partial)
    judged = _judge(given, truth)
    by_subset = {subset: [item for item in judged if item.key[0] == subset] for subset in SUBSETS}
    present = {subset: items for subset, items in by_subset.items() if items}
    return BenchmarkReport(
        benchmark=NAME,
        counts=_counts(judged, present),
        scores=_scores(present),
        intervals=_intervals(present),
        tables=(_table(present), *_curve(present), *_preference(present)),
        items=[_scored(item) for item in judged],
        settings={"data": data_digest, "answers": given.digest},
        warnings=_warnings(judged),
    )


def _warnings(judged: Sequence[Judged]) -> list[str]:
    tied = sum(item.failure == TIED for item in judged)
    unparsable = sum(item.verdict is None for item in judged) - tied
    counts = {"replies cannot be read": unparsable, "judgments are tied": tied}
    return [f"{number} {what}; they count as wrong." for what, number in counts.items() if number]


def _key(line: NumberedRow) -> Key:
    return line.text("subset"), line.whole("index"), line.whole("output")


def _judge(given: Answers[Key], truth: dict[Key, bool]) -> list[Judged]:
    judged = []
    for key, line in given.lines.items():
        finish = line.optional_text("finish_reason") or "stop"
        replies = line.texts("replies") if "replies" in line.fields else [line.text("reply")]
        judging = _judging(line)
        votes = tuple(judging.vote(reply, finish) for reply in replies)
        judged.append(Judged(key, truth[key], votes, judging.label(votes), judging))
    return judged


def _judging(line: NumberedRow) -> Judging:
    """How the row was judged, if not by verdicts. Raises DataError for an unknown policy or invalid options."""
    if line.fields.get("policy") is None:
        return Judging()
    options = line.fields.get("options") or {}
    numbers = isinstance(options, dict) and all(isinstance(value, int | float) for value in options.values())
    if not numbers:
        raise line.refuse("'options' is no object of numbers")
    try:
        found = Judging(line.text("policy"), options)
        found.policy  # noqa: B018 - raises where there is none of this name
    except RecipeError as error:
        raise line.refuse(error.what) from error
    return found


def first_votes(items: Sequence[Judged], votes: int) -> list[Judged]:
    """The same items, as if only the first `votes` votes had been drawn."""
    return [replace(item, votes=item.votes[:votes], verdict=item.judging.label(item.votes[:votes])) for item in items]


class Tally(NamedTuple):
    """The sums over items from which scores are computed: `yes` counts the labels and the verdicts that are Yes."""

    items: int
    correct: int
    hits: int
    yes: int


def _getter(place: int) -> Callable[[Tally], int]:
    """Implemented in C: a bootstrap sums two million tallies."""
    return itemgetter(place)


_ITEMS, _CORRECT, _HITS, _YES = (_getter(place) for place in range(len(Tally._fields)))


def tally(items: Sequence[Judged]) -> Tally:
    accepted = sum(item.verdict == Verdict.YES for item in items)
    return Tally(
        items=len(items),
        correct=sum(item.correct for item in items),
        hits=sum(item.good and item.verdict == Verdict.YES for item in items),
        yes=accepted + sum(item.good for item in items),
    )


def accuracy(tallies: Sequence[Tally]) -> float:
    return 100 * sum(map(_CORRECT, tallies)) / sum(map(_ITEMS, tallies))


def f1(tallies: Sequence[Tally]) -> float:
    """2TP / (2TP + FP + FN) with positive = Yes, as a percentage; 0 where nothing is positive."""
    yes = sum(map(_YES, tallies))
    return 200 * sum(map(_HITS, tallies)) / yes if yes else 0.0


MEASURES = (("accuracy", accuracy), ("f1", f1))
MEANS = (("adversarial", ADVERSARIAL), ("average", SUBSETS))


def _scores(present: dict[str, list[Judged]]) -> dict[str, float]:
    """Means only where all their subsets are present: a mean of fewer is not comparable."""
    scores: dict[str, float] = {}
    for name, measure in MEASURES:
        by_subset = {subset: measure([tally(items)]) for subset, items in present.items()}
        scores |= {f"{subset}.{name}": value for subset, value in by_subset.items()}
        for mean, subsets in MEANS:
            if set(subsets) <= by_subset.keys():
                scores[f"{mean}.{name}"] = sum(by_subset[subset] for subset in subsets) / len(subsets)
    return scores


def _intervals(present: dict[str, list[Judged]]) -> dict[str, Interval]:
    """Wilson for an accuracy; for F1 and macro means, a bootstrap over pairs within each subset."""
    pairs = {subset: _pairs(items) for subset, items in present.items()}
    intervals: dict[str, Interval] = {}
    for subset, items in present.items():
        intervals[f"{subset}.accuracy"] = percent_interval(Proportion.of([item.correct for item in items]))
        intervals[f"{subset}.f1"] = bootstrap([pairs[subset]], _macro(f1))
    for mean, subsets in MEANS:
        if set(subsets) <= present.keys():
            for name, measure in MEASURES:
                intervals[f"{mean}.{name}"] = bootstrap([pairs[subset] for subset in subsets], _macro(measure))
    return intervals


def _macro(measure: Callable[[Sequence[Tally]], float]) -> Callable[[Sequence[Sequence[Tally]]], float]:
    return lambda strata: sum(measure(units) for units in strata) / len(strata)


def _pairs(items: Sequence[Judged]) -> list[Tally]:
    """One tally per pair: its two outputs are one sampling unit."""
    pairs: dict[int, list[Judged]] = {}
    for item in items:
        pairs.setdefault(item.key[1], []).append(item)
    return [tally(pair) for pair in pairs.values()]


def _counts(judged: Sequence[Judged], present: dict[str, list[Judged]]) -> dict[str, int]:
    counts = {
        "items": len(judged),
        "correct": sum(item.correct for item in judged),
        "yes": sum(item.verdict == Verdict.YES for item in judged),
        "no": sum(item.verdict == Verdict.NO for item in judged),
        "unparsable": sum(item.verdict is None and item.failure != TIED for item in judged),
        "tied": sum(item.failure == TIED for item in judged),
    }
    return counts | {f"{subset}.items": len(items) for subset, items in present.items()}


def _table(present: dict[str, list[Judged]]) -> Table:
    rows = tuple(
        (
            subset,
            len(items),
            sum(item.correct for item in items),
            sum(item.verdict is None and item.failure != TIED for item in items),
            round(accuracy([tally(items)]), 4),
            round(f1([tally(items)]), 4),
        )
        for subset, items in present.items()
    )
    return Table("subsets", ("subset", "items", "correct", "unparsable", "accuracy", "f1"), rows)


def _curve(present: dict[str, list[Judged]]) -> list[Table]:
    """majority@k over the first k votes, for odd k: macro means over the subsets that are present."""
    most = min(len(item.votes) for items in present.values() for item in items)
    if most == 1:
        return []
    rows: list[tuple[str | int | float, ...]] = []
    for k in range(1, most + 1, 2):
        tallies = [tally(first_votes(items, k)) for items in present.values()]
        means = [sum(measure([one]) for one in tallies) / len(tallies) for measure in (accuracy, f1)]
        rows.append((k, *(round(mean, 4) for mean in means)))
    return [Table("majority", ("votes", "accuracy", "f1"), tuple(rows))]


def _preference(present: dict[str, list[Judged]]) -> list[Table]:
    """For judges that score: the pairs in which the better output has the higher mean score, without a threshold."""
    rows: list[tuple[str | int | float, ...]] = []
    for subset, items in present.items():
        scored = [(item, item.judging.value(item.votes)) for item in items if item.judging.policy.read is not None]
        pairs: dict[int, dict[bool, float | None]] = {}
        for item, value in scored:
            pairs.setdefault(item.key[1], {})[item.good] = value
        whole = [pair for pair in pairs.values() if len(pair) == len((True, False))]
        if whole:
            right = sum(_is_higher(pair[True], pair[False]) for pair in whole)
            tied = sum(pair[True] == pair[False] and pair[True] is not None for pair in whole)
            rows.append((subset, len(whole), right, tied, round(100 * right / len(whole), 4)))
    return [Table("preference", ("subset", "pairs", "right", "tied", "accuracy"), tuple(rows))] if rows else []


def _is_higher(mine: float | None, other: float | None) -> bool:
    return mine is not None and other is not None and mine > other


def _scored(item: Judged) -> ScoredItem:
    subset, index, output = item.key
    detail = {
        "subset": subset,
        "index": index,
        "output": output,
        "truth": "yes" if item.good else "no",
        "verdict": item.verdict,
        "failure": item.failure,
        "replies": [vote.reply for vote in item.votes],
    }
    return ScoredItem(f"{subset}/{index}/{output}", item.correct, detail)
