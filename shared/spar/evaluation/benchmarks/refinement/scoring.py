"""Refinement: bad responses refined once, and which raters accept the result (arXiv 2412.11605, Table 3).

Raters are shown side by side, since a refiner is more lenient with itself than others are: outside judges, the refiner
itself, and rules where a program can check. A failed refinement, or a judgment that cannot be read, is not a success
with any of them, and stays in the total. Knows nothing of how the refinements were generated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from spar.evaluation.benchmarks.refinement.negatives import Negative, read_negatives
from spar.evaluation.benchmarks.report import BenchmarkReport, ScoredItem, Table, percent, percent_interval
from spar.evaluation.benchmarks.rows import AnswerRows, NumberedRow, match_answers
from spar.evaluation.benchmarks.votes import majority
from spar.evaluation.statistics import Proportion
from spar.method.records import Verdict
from spar.method.verdicts import parse_vote

NAME = "refinement"
RULES, JUDGE, SELF = "rules", "judge", "self"
RATINGS = "ratings"
"""The field of a row with the replies of further judges by name."""
TOOK = ("generations", "judgments", "votes")
"""The cost of a strategy: refinements drawn, texts judged before the result was rated, and the votes on them."""


@dataclass(frozen=True, slots=True)
class Rated:
    """One negative, refined. `verdicts` has the raters that rated it; None is a judgment that cannot be read."""

    index: int
    negative: Negative
    line: NumberedRow
    refined: str | None
    verdicts: Mapping[str, bool | None]

    def counts_for(self, rater: str) -> bool:
        """A negative that was not refined counts as a failure with every rater."""
        if rater == RULES:
            return self.negative.rule is not None
        return rater in self.verdicts or self.refined is None

    def succeeded(self, rater: str) -> bool:
        return self.verdicts.get(rater) is True


def score(answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score rows of {item, refined} with the replies of the refiner as `self` and of an outside judge as `judge`."""
    negatives, identity = read_negatives(data)
    given = match_answers(answers, range(len(negatives)), lambda line: line.whole("item"), partial)
    rated = [_rate(index, negatives[index], line) for index, line in given.lines.items()]
    raters = _raters_of(rated)
    counted = {rater: [item for item in rated if item.counts_for(rater)] for rater in raters}
    shares = {f"acc_{rater}": Proportion.of([i.succeeded(rater) for i in items]) for rater, items in counted.items()}
    best = next((rater for rater in raters if len(counted[rater]) == len(rated)), None)
    return BenchmarkReport(
        benchmark=NAME,
        counts={
            "items": len(rated),
            "refined": sum(item.refined is not None for item in rated),
            "with_rules": sum(item.negative.rule is not None for item in rated),
        }
        | {f"{rater}_yes": shares[f"acc_{rater}"].successes for rater in raters}
        | _took(rated),
        scores={name: percent(share) for name, share in shares.items()},
        intervals={name: percent_interval(share) for name, share in shares.items()},
        tables=(_raters_table(counted), *_agreement(rated, raters)),
        items=[_scored(item, best) for item in rated],
        settings={"data": identity, "answers": given.digest},
        warnings=_warnings(rated),
    )


def _rate(index: int, negative: Negative, line: NumberedRow) -> Rated:
    refined = line.optional_text("refined")
    verdicts: dict[str, bool | None] = {}
    if refined is not None:
        if negative.rule is not None:
            verdicts[RULES] = negative.rule(refined)
        for rater in (JUDGE, SELF):
            if line.fields.get(rater) is not None:
                verdicts[rater] = _verdict(line.texts(rater))
        verdicts |= {name: _verdict(replies) for name, replies in _ratings(line).items()}
    return Rated(index, negative, line, refined, verdicts)


def _ratings(line: NumberedRow) -> dict[str, list[str]]:
    """Further judges' replies by name."""
    given = line.fields.get(RATINGS) or {}
    if not isinstance(given, dict) or any(name in (RULES, JUDGE, SELF) for name in given):
        raise line.refuse(f"'{RATINGS}' is no object of replies by the names of further judges")
    return {name: NumberedRow(line.number, given, line.origin).texts(name) for name in given}


def _verdict(replies: Sequence[str]) -> bool | None:
    label = majority([parse_vote(reply, "stop") for reply in replies])
    return None if label is None else label is Verdict.YES


def _raters_of(rated: Sequence[Rated]) -> list[str]:
    """In the order of trust, as two models are compared by the first rater that rated everything; the refiner itself
    comes last."""
    named = {rater for item in rated for rater in item.verdicts}
    others = sorted(named - {RULES, JUDGE, SELF})
    return [rater for rater in (RULES, JUDGE, *others, SELF) if rater in named] or [SELF]


def _took(rated: Sequence[Rated]) -> dict[str, int]:
    """Summed over all items, where rows have them."""
    present = {name for item in rated for name in TOOK if name in item.line.fields}
    return {name: sum(item.line.whole(name) for item in rated) for name in TOOK if name in present}


def _raters_table(counted: Mapping[str, Sequence[Rated]]) -> Table:
    rows = tuple(
        (
            rater,
            len(items),
            sum(item.succeeded(rater) for item in items),
            sum(item.refined is None for item in items),
            sum(item.refined is not None and item.verdicts[rater] is None for item in items),
            round(100 * sum(item.succeeded(rater) for item in items) / len(items), 4),
        )
        for rater, items in counted.items()
    )
    return Table("raters", ("rater", "items", "yes", "not refined", "unparsable", "accuracy"), rows)


def _agreement(rated: Sequence[Rated], raters: Sequence[str]) -> list[Table]:
    """Of the refinements that both rated: how often they agree, and which rater is more lenient."""
    rows: list[tuple[str | int | float, ...]] = []
    for first, second in combinations(raters, 2):
        both = [item for item in rated if None not in (item.verdicts.get(first), item.verdicts.get(second))]
        if both:
            pairs = [(item.succeeded(first), item.succeeded(second)) for item in both]
            counted = [pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))]
            rows.append((f"{first} and {second}", len(both), *counted))
    columns = ("raters", "items", "both yes", "only first", "only second", "both no")
    return [Table("agreement", columns, tuple(rows))] if rows else []


def _warnings(rated: Sequence[Rated]) -> list[str]:
    failed = sum(item.refined is None for item in rated)
    return [f"{failed} negatives were not refined; they count as failures."] if failed else []


def _scored(item: Rated, best: str | None) -> ScoredItem:
    detail = {
        "prompt": item.negative.prompt,
        "response": item.negative.response,
        "refined": item.refined,
        "failure": item.line.optional_text("failure"),
        "critique": item.line.optional_text("critique"),
        "said": dict(item.verdicts),  # the name in stored results
    }
    return ScoredItem(str(item.index), best is not None and item.succeeded(best), detail)
