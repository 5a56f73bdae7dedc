"""Runs to compare, made up: sixty items per measure, right at given rates, and a few steps."""

import random
from typing import Any

from spar.evaluation.items import Item, Measure
from spar.report.comparison.reading import ComparedStep, MeasuredRun
from spar.report.measures import REPORTED

ITEMS = 60
RECIPE: dict[str, Any] = {
    "name": "spar",
    "seed": 0,
    "engine": {"kind": "simulated", "max_batch": 8},
    "prompts": {"source": "world:story"},
    "evaluation": {"suite": "story", "seed": 0, "actor_prompts": ITEMS},
    "search": {"depth": 3},
    "budget": {},
}


def items(measure: Measure, rate: float, draw: int) -> list[Item]:
    rng = random.Random(f"{measure}{draw}")
    return [
        Item(measure=measure, prompt=f"prompt {i}", reply="reply", correct=rng.random() < rate) for i in range(ITEMS)
    ]


def measured(rates: dict[int, float], draw: int) -> dict[int, dict[Measure, list[Item]]]:
    return {index: {of: items(of, rate, draw + 100 * index) for of in REPORTED} for index, rate in rates.items()}


def run(
    run_id: str = "spar-1",
    name: str = "spar",
    seed: int = 0,
    rates: dict[int, float] | None = None,
    steps: tuple[ComparedStep, ...] = (),
    recipe: dict[str, Any] | None = None,
    **changes: Any,
) -> MeasuredRun:
    facts: dict[str, Any] = {
        "run_id": run_id,
        "home": "/homes/a",
        "status": "finished",
        "recipe": {**RECIPE, "name": name, "seed": seed, **(recipe or {})},
        "start": {"a": "f0", "r": "f1"},
        "items": measured(rates or {0: 0.5, 1: 0.7}, seed),
        "steps": steps
        or (
            ComparedStep(kind="generation", iteration=1, fingerprint=f"{run_id}g", reused=False, calls=10, tokens=100),
        ),
        "prompts": 300,
        "pairs": 200,
        "pairs_right": 190,
        "pairs_checked": 200,
        "seconds": 12.0,
    }
    return MeasuredRun(**{**facts, **changes})
