"""What a sweep found, as data: what was asked, the points of every curve, and the comparisons. Measures nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spar.sweep.curves import BASELINES, Comparison, Point
from spar.sweep.majority import MajorityPoint


@dataclass(frozen=True, slots=True)
class SweepReport:
    """`scored_by` says who decided what is good: rules, a judge, or the refiner that searched: its own judge."""

    source: str
    prompts: int
    scored_by: str
    settings: Mapping[str, Any]
    points: Sequence[Point]
    comparisons: Sequence[Comparison]
    majority: Sequence[MajorityPoint]

    def as_json(self) -> dict[str, Any]:
        told = [{**asdict(each), "said": each.said} for each in self.comparisons]
        return {**asdict(self), "comparisons": told, "verdict": self.verdict()}

    def verdict(self) -> list[str]:
        """In words, for each baseline: where a tree search was better with no more draws, and where it was not."""
        return [self._against(name) for name in BASELINES if self._of(name)]

    def _of(self, baseline: str) -> list[Comparison]:
        return [each for each in self.comparisons if each.baseline == baseline]

    def _against(self, baseline: str) -> str:
        cases = self._of(baseline)
        groups: dict[str, list[str]] = {}
        for each in cases:
            groups.setdefault(each.said, []).append(f"{each.search} at {each.budget}")
        told = "; ".join(f"{said}: {', '.join(where)}" for said, where in groups.items())
        return f"Tree search against {baseline}: {told}."
