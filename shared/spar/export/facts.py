"""The data of an export, with the facts about its origin, as filled in by the code that reads a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spar.method.records import Example, Pair

PAPER = "https://arxiv.org/abs/2412.11605"


class Origin(StrEnum):
    """The origin of the data."""

    RUN = "run"
    REFINEMENTS = "refinements"  # `spar refine`, over given responses


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedIteration:
    """One iteration's training data, with the fingerprints of the models that made it and of those trained on it.

    For given responses `actor` is None, `source` is the output file of `spar refine`, and `lines` are the lines of its
    input, by prompt id.
    """

    iteration: int
    actor: str | None
    refiner: str
    actor_after: str | None
    refiner_after: str | None
    prompts: int
    outcomes: dict[str, int]
    pairs: Sequence[Pair]
    examples: Sequence[Example]
    source: str | None = None
    lines: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """`recipe` is the resolved recipe; `start` maps its models to fingerprints."""

    run_id: str
    status: str
    recipe: dict[str, Any]
    start: dict[str, str]
    version: str
    origin: Origin = Origin.RUN

    @property
    def title(self) -> str:
        return f"run {self.run_id}" if self.origin is Origin.RUN else f"refined responses: {self.run_id}"

    @property
    def method(self) -> str:
        """SPaR if bad responses were refined by a tree search, otherwise the policies that were used."""
        recipe = self.recipe
        if self.origin is Origin.REFINEMENTS:
            searched = recipe.get("search", {}).get("policy", "unknown")
            return f"given responses, judged by votes and refined by `{searched}`, as in SPaR ({PAPER})"
        chosen = recipe.get("selection", {}).get("pairs", "refined")
        judged = recipe.get("judgment", {}).get("policy", "verdict")
        searched = recipe.get("search", {}).get("policy", "bfs")
        if (chosen, judged) == ("refined", "verdict") and searched in ("bfs", "dfs"):
            return f"SPaR, self-play with tree-search refinement ({PAPER})"
        search = f", refined by `{searched}`" if chosen.startswith("refined") else ""
        return f"responses judged by `{judged}`{search}; rows chosen by `{chosen}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """`base` is the starting model that the recipe names; `measures` are (name, at the start, now) shares of 1."""

    role: str
    iteration: int
    fingerprint: str
    parent: str | None
    base: str
    adapter: bool
    merged: bool = False
    measures: tuple[tuple[str, float, float], ...] = field(default=())

    @property
    def name(self) -> str:
        """The name of its files and its card."""
        return f"{self.role}-{self.iteration}"
