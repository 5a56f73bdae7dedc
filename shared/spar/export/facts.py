"""What is exported, and what is known of it: filled by whoever reads a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spar.method.records import Example, Pair


@dataclass(frozen=True, slots=True)
class IterationData:
    """One iteration's training data, and by fingerprint the models that made it and those trained on it."""

    iteration: int
    actor: str
    refiner: str
    actor_after: str | None
    refiner_after: str | None
    prompts: int
    outcomes: dict[str, int]
    pairs: Sequence[Pair]
    examples: Sequence[Example]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """`recipe` is the resolved recipe; `start` maps the models that it names to fingerprints."""

    run_id: str
    status: str
    recipe: dict[str, Any]
    start: dict[str, str]
    version: str
