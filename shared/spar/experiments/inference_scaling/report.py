"""A sweep's report as data: its settings, the points of every curve, and the comparisons. Measures nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.statistics import Difference
from spar.experiments.inference_scaling.curves import BASELINES, BudgetComparison, BudgetPoint, Interval
from spar.experiments.inference_scaling.majority_vote import MajorityPoint
from spar.inference.records import StopReason

UNSEARCHED = (StopReason.RESPONSE_FAILED, StopReason.UNJUDGED)
FINDING, FORMER_FINDING = "finding", "said"
"""The field of a comparison in decode.json, and its name up to 0.1.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """`scored_by` is what decided which texts are good: rules, a judge, or the refiner of the search itself."""

    source: str
    prompts: int
    scored_by: str
    settings: Mapping[str, Any]
    points: Sequence[BudgetPoint]
    comparisons: Sequence[BudgetComparison]
    majority: Sequence[MajorityPoint]

    def as_json(self) -> dict[str, Any]:
        comparisons = [{**asdict(each), FINDING: each.finding} for each in self.comparisons]
        return {**asdict(self), "comparisons": comparisons, "verdict": self.verdict()}

    def verdict(self) -> list[str]:
        """In words: responses without a search; then, against each baseline, where a tree search was better or not."""
        return [*self._unsearched(), *(self._against(name) for name in BASELINES if self._of(name))]

    def _unsearched(self) -> list[str]:
        """Distinguishes a sweep whose refiner cannot judge from one whose searches find nothing."""
        failed, unjudged = (max((each.endings.get(why, 0) for each in self.points), default=0) for why in UNSEARCHED)
        if not failed + unjudged:
            return []
        why = f"{failed} have no text to judge, and {unjudged} have no quorum of votes"
        return [f"No search began on {failed + unjudged} of {self.prompts} responses: {why}."]

    def _of(self, baseline: str) -> list[BudgetComparison]:
        return [each for each in self.comparisons if each.baseline == baseline]

    def _against(self, baseline: str) -> str:
        cases = self._of(baseline)
        groups: dict[str, list[str]] = {}
        for each in cases:
            groups.setdefault(each.finding, []).append(f"{each.search} at {each.budget}")
        findings = "; ".join(f"{finding}: {', '.join(where)}" for finding, where in groups.items())
        return f"Tree search against {baseline}: {findings}."


def read_sweep(path: Path) -> SweepReport:
    """The report that `spar decode` wrote. Raises DataError for any other file."""
    try:
        raw = json.loads(path.read_bytes())
        return SweepReport(
            source=raw["source"],
            prompts=raw["prompts"],
            scored_by=raw["scored_by"],
            settings=raw["settings"],
            points=[_point(each) for each in raw["points"]],
            comparisons=[_comparison(each) for each in raw["comparisons"]],
            majority=[MajorityPoint(**each) for each in raw["majority"]],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no report of a sweep ({error}).", "Name decode.json of 'spar decode'.") from error


def _point(raw: Mapping[str, Any]) -> BudgetPoint:
    average = raw.get("average")
    return BudgetPoint(**{**raw, "average": None if average is None else Interval(**average)})


def _comparison(raw: Mapping[str, Any]) -> BudgetComparison:
    average = raw.get("average")
    fields = {name: value for name, value in raw.items() if name not in (FINDING, FORMER_FINDING)}
    mean = None if average is None else Difference(**average)
    return BudgetComparison(**{**fields, "difference": Difference(**raw["difference"]), "average": mean})
