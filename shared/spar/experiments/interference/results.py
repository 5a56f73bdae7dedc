"""An experiment's result, and its form in JSON. Draws nothing and tests nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.experiments.interference.pairs import KINDS, Kind


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """After `step` optimizer steps: each of the task's measures, as a share of 1."""

    step: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedResult:
    """One seed: the number of pairs of each kind, and a curve for each kind."""

    seed: int
    pairs: int
    curves: Mapping[Kind, tuple[CurvePoint, ...]]

    def last(self, kind: Kind, measure: int) -> float:
        return self.curves[kind][-1].values[measure]

    def first(self, measure: int) -> float:
        """Before any step; both kinds start from the same model."""
        return self.curves["refined"][0].values[measure]


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """A whole experiment. All curves have the same steps."""

    task: str
    measures: tuple[str, ...]
    settings: Mapping[str, Any]
    parameters: int
    seconds: float
    seeds: tuple[SeedResult, ...]

    @property
    def steps(self) -> list[int]:
        return [point.step for point in self.seeds[0].curves["refined"]]

    def values(self, kind: Kind, measure: int) -> list[list[float]]:
        """By step, one value a seed."""
        curves = [seed.curves[kind] for seed in self.seeds]
        return [[curve[place].values[measure] for curve in curves] for place in range(len(self.steps))]


def result_json(result: ExperimentResult) -> dict[str, Any]:
    return {
        "task": result.task,
        "measures": list(result.measures),
        "settings": dict(result.settings),
        "parameters": result.parameters,
        "seconds": round(result.seconds, 1),
        "seeds": [_seed_json(seed, result.measures) for seed in result.seeds],
    }


def result_from_json(path: Path) -> ExperimentResult:
    """Raises DataError for a file that is no such result."""
    try:
        data = json.loads(path.read_bytes())
        measures = tuple(data["measures"])
        seeds = tuple(_seed(each, measures) for each in data["seeds"])
        return ExperimentResult(data["task"], measures, data["settings"], data["parameters"], data["seconds"], seeds)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no result of an experiment ({error}).", "Move it away, or choose another --out."
        ) from error


def _seed_json(seed: SeedResult, measures: Sequence[str]) -> dict[str, Any]:
    def rows(curve: Sequence[CurvePoint]) -> list[dict[str, float]]:
        return [{"step": point.step, **dict(zip(measures, point.values, strict=True))} for point in curve]

    return {"seed": seed.seed, "pairs": seed.pairs, "curves": {kind: rows(seed.curves[kind]) for kind in KINDS}}


def _seed(data: Mapping[str, Any], measures: Sequence[str]) -> SeedResult:
    curves = {
        kind: tuple(CurvePoint(row["step"], tuple(row[name] for name in measures)) for row in data["curves"][kind])
        for kind in KINDS
    }
    return SeedResult(seed=data["seed"], pairs=data["pairs"], curves=curves)
