"""The search policies, as parameters of one engine (`tree_search`): how wide, how deep, in which order.

`POLICIES` is the table of names. Nothing here searches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from spar.errors import RecipeError
from spar.method.defaults import BRANCH, DEPTH, GATE, KEEP, RETRIES

PolicyName = Literal["greedy", "best_of_n", "iterative", "bfs", "dfs"]
"""Of a search over refinements: the names of `POLICIES`."""
StrategyName = Literal["actor", "best_of_responses", PolicyName]
"""Of inference (`spar.inference.strategies`): the actor alone, a search over its responses, or one over refinements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPolicy:
    """How a tree grows.

    `branch` refinements per expanded node. Breadth first expands the `keep` best nodes of each level; depth first the
    `keep` best children of each node, best first. A node with V above `gate` solves the tree. A failed refinement is
    drawn again `retries` times. `stop_when_decided` abandons siblings that cannot change which node wins. `max_nodes`
    is a budget: the tree has at most that many places, pruned ones included, in the order of generation.
    """

    name: str
    branch: int
    keep: int
    depth: int
    order: Literal["breadth", "depth"]
    gate: float = GATE
    retries: int = RETRIES
    stop_when_decided: bool = True
    max_nodes: int | None = None

    def __post_init__(self) -> None:
        least = min(self.branch, self.keep, self.depth, 1 if self.max_nodes is None else self.max_nodes)
        if least < 1 or self.retries < 0 or not 0 <= self.gate <= 1:
            raise RecipeError(
                f"Policy {self.name} cannot search as given: {self}.",
                "Choose branch, keep, depth and max_nodes >= 1, retries >= 0 and a gate between 0 and 1.",
            )


def greedy() -> SearchPolicy:
    """One refinement (the ablation "no tree search"; its caller samples at temperature 0)."""
    return SearchPolicy(name="greedy", branch=1, keep=1, depth=1, order="breadth")


def best_of_n(n: int) -> SearchPolicy:
    """The best of n refinements of the root."""
    return SearchPolicy(name="best_of_n", branch=n, keep=1, depth=1, order="breadth")


def iterative(depth: int) -> SearchPolicy:
    """A chain: refine the refinement until one is good."""
    return SearchPolicy(name="iterative", branch=1, keep=1, depth=depth, order="breadth")


def bfs(branch: int = BRANCH, keep: int = KEEP, depth: int = DEPTH) -> SearchPolicy:
    """Breadth first, the paper's training policy: at most 3 + 6 + 6 = 15 nodes besides the root."""
    return SearchPolicy(name="bfs", branch=branch, keep=keep, depth=depth, order="breadth")


def dfs(branch: int = BRANCH, keep: int = KEEP, depth: int = DEPTH) -> SearchPolicy:
    """Depth first, best child first: at most 3 + 6 + 12 = 21 nodes besides the root."""
    return SearchPolicy(name="dfs", branch=branch, keep=keep, depth=depth, order="depth")


POLICIES: Mapping[str, Callable[[int, int, int], SearchPolicy]] = MappingProxyType(
    {
        "greedy": lambda branch, keep, depth: greedy(),
        "best_of_n": lambda branch, keep, depth: best_of_n(branch),
        "iterative": lambda branch, keep, depth: iterative(depth),
        "bfs": bfs,
        "dfs": dfs,
    }
)
"""Name -> constructor from a recipe's (branch, keep, depth); each uses those that apply to it."""


def make_policy(
    name: str, branch: int, keep: int, depth: int, gate: float, retries: int, stop_when_decided: bool
) -> SearchPolicy:
    """The named policy with a recipe's settings. Raises RecipeError for a name that is not in the table."""
    if name not in POLICIES:
        raise RecipeError(f"There is no search policy {name!r}.", f"Choose one of {', '.join(POLICIES)}.")
    policy = POLICIES[name](branch, keep, depth)
    return replace(policy, gate=gate, retries=retries, stop_when_decided=stop_when_decided)
