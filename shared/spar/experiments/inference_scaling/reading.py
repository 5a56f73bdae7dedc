"""Reads a sweep's report as `spar decode` wrote it. Measures nothing, draws nothing."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.statistics import Difference
from spar.experiments.inference_scaling.curves import BudgetComparison, BudgetPoint, Interval
from spar.experiments.inference_scaling.majority_vote import MajorityPoint
from spar.experiments.inference_scaling.report import SweepReport


def read_sweep(path: Path) -> SweepReport:
    """Raises DataError for a file that is none."""
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
    fields = {name: value for name, value in raw.items() if name != "said"}
    mean = None if average is None else Difference(**average)
    return BudgetComparison(**{**fields, "difference": Difference(**raw["difference"]), "average": mean})
