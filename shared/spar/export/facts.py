"""What is exported, and what is known of it: filled by whoever reads a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spar.method.records import Example, Pair

PAPER = "https://arxiv.org/abs/2412.11605"


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

    @property
    def method(self) -> str:
        """SPaR where bad responses were refined by a tree search, else the policies that were at work."""
        recipe = self.recipe
        chosen = recipe.get("selection", {}).get("pairs", "refined")
        judged = recipe.get("judgment", {}).get("policy", "verdict")
        searched = recipe.get("search", {}).get("policy", "bfs")
        if (chosen, judged) == ("refined", "verdict") and searched in ("bfs", "dfs"):
            return f"SPaR, self-play with tree-search refinement ({PAPER})"
        search = f", refined by `{searched}`" if chosen.startswith("refined") else ""
        return f"responses judged by `{judged}`{search}; rows chosen by `{chosen}`"
