"""What a sweep found, as data: what was asked, the points of every curve, and the comparisons. Measures nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spar.experiments.inference_scaling.curves import BASELINES, BudgetComparison, BudgetPoint
from spar.experiments.inference_scaling.majority_vote import MajorityPoint
from spar.inference.records import StopReason

UNSEARCHED = (StopReason.RESPONSE_FAILED, StopReason.UNJUDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """`scored_by` says who decided what is good: rules, a judge, or the refiner that searched: its own judge."""

    source: str
    prompts: int
    scored_by: str
    settings: Mapping[str, Any]
    points: Sequence[BudgetPoint]
    comparisons: Sequence[BudgetComparison]
    majority: Sequence[MajorityPoint]

    def as_json(self) -> dict[str, Any]:
        told = [{**asdict(each), "said": each.said} for each in self.comparisons]
        return {**asdict(self), "comparisons": told, "verdict": self.verdict()}

    def verdict(self) -> list[str]:
        """In words: what no search began on; then for each baseline where a tree search was better, and where not."""
        return [*self._unsearched(), *(self._against(name) for name in BASELINES if self._of(name))]

    def _unsearched(self) -> list[str]:
        """Without it a sweep whose refiner cannot judge would look like one whose searches find nothing."""
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
            groups.setdefault(each.said, []).append(f"{each.search} at {each.budget}")
        told = "; ".join(f"{said}: {', '.join(where)}" for said, where in groups.items())
        return f"Tree search against {baseline}: {told}."
