"""The strategies of inference, as parameters of the one search (`spar.method.tree_search`): how a budget is spent.

`STRATEGIES` is the table of names. A budget counts refinements, or further responses of the actor: all texts drawn
after the first response. Nothing here calls a model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from spar.errors import RecipeError
from spar.method.defaults import BRANCH, DEPTH, FULL_TREE, KEEP
from spar.method.policies import SearchPolicy, best_of_n, bfs, dfs, greedy, iterative


class Draws(StrEnum):
    """The kind of texts in the tree."""

    REFINEMENTS = "refinements"
    RESPONSES = "responses"  # of the actor, anew from the prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeShape:
    """How wide and deep a tree may grow, for strategies that grow one."""

    branch: int = BRANCH
    keep: int = KEEP
    depth: int = DEPTH


@dataclass(frozen=True, slots=True)
class Strategy:
    """`policy` None is the actor alone: its response is not even judged. `greedy` refines at temperature 0."""

    name: str
    policy: SearchPolicy | None
    draws: Draws = Draws.REFINEMENTS
    greedy: bool = False


@dataclass(frozen=True, slots=True)
class StrategyKind:
    """A strategy's description in one line, and its policy for a budget."""

    help: str
    policy: Callable[[int, TreeShape], SearchPolicy] | None
    draws: Draws = Draws.REFINEMENTS
    greedy: bool = False


def _within(policy: SearchPolicy, budget: int) -> SearchPolicy:
    return replace(policy, max_nodes=budget)


STRATEGIES: Mapping[str, StrategyKind] = MappingProxyType(
    {
        "actor": StrategyKind("the actor's response as it is", None),
        "greedy": StrategyKind("one greedy refinement", lambda budget, shape: greedy(), greedy=True),
        "best_of_responses": StrategyKind(
            "the best of several responses of the actor", lambda budget, shape: best_of_n(budget), Draws.RESPONSES
        ),
        "best_of_n": StrategyKind(
            "the best of several refinements of the response", lambda budget, shape: best_of_n(budget)
        ),
        "iterative": StrategyKind(
            "a chain: the refinement is refined until it is good", lambda budget, shape: iterative(budget)
        ),
        "bfs": StrategyKind(
            "breadth-first tree search",
            lambda budget, shape: _within(bfs(shape.branch, shape.keep, shape.depth), budget),
        ),
        "dfs": StrategyKind(
            "depth-first tree search",
            lambda budget, shape: _within(dfs(shape.branch, shape.keep, shape.depth), budget),
        ),
    }
)


def make_strategy(name: str, budget: int = FULL_TREE, shape: TreeShape | None = None) -> Strategy:
    """The named strategy within a budget. Raises RecipeError for a name that is not in the table, or no budget."""
    kind = STRATEGIES.get(name)
    if kind is None:
        raise RecipeError(f"There is no strategy {name!r}.", f"Choose one of {', '.join(STRATEGIES)}.")
    policy = kind.policy and kind.policy(budget, shape or TreeShape())
    return Strategy(name, policy, kind.draws, kind.greedy)
