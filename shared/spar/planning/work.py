"""Calls and tokens of one iteration: exact where the rules give them, bounds where the models decide.

Retries of what cannot be parsed are left out: they are bounded by the recipe, and rare with models that can judge.
"""

from dataclasses import dataclass

from spar.recipes.models import Recipe, SearchSettings
from spar.recipes.policies import judging_policy, searches


@dataclass(frozen=True, slots=True)
class Work:
    """Of one iteration. Pairs are (least, most); tokens are the most that the limits allow."""

    prompts: int
    responses: int
    response_votes: int
    trees: tuple[int, int]
    nodes_per_tree: tuple[int, int]
    nodes: tuple[int, int]
    node_votes: tuple[int, int]
    calls: tuple[int, int]
    generated_tokens_at_most: int
    actor_steps_at_most: int
    refiner_steps_at_most: int


def nodes_per_tree(search: SearchSettings) -> tuple[int, int]:
    """Refinements of one tree, besides its root (METHOD section 2).

    A level is expanded whole before its gate is tested, so a tree has its first level at least: 3 in the paper. With
    stop_when_decided a good first child can be the only one. Breadth first keeps `keep` nodes a level, at most
    3 + 6 + 6 = 15; depth first `keep` children of each node, at most 3 + 6 + 12 = 21.
    """
    branch, keep, depth = search.branch, min(search.keep, search.branch), search.depth
    most = {
        "greedy": 1,
        "best_of_n": branch,
        "iterative": depth,
        "bfs": branch + (depth - 1) * keep * branch,
        "dfs": sum(branch * keep**level for level in range(depth)),
    }[search.policy]
    first = 1 if search.policy in ("greedy", "iterative") else branch
    return (1 if search.stop_when_decided else first), most


def work_of(recipe: Recipe) -> Work:
    prompts, n, votes = recipe.prompts.per_iteration, recipe.generation.n, recipe.judgment.votes
    trees = prompts if searches(recipe) else 0
    least, most = nodes_per_tree(recipe.search)
    nodes = (0, trees * most)
    node_votes = (0, nodes[1] * votes)
    responses = prompts * n
    judged = responses if judging_policy(recipe.judgment.policy).form is not None else 0
    matches = _matches(recipe)
    tokens = responses * recipe.generation.max_tokens
    tokens += (judged * votes + node_votes[1]) * recipe.judgment.max_tokens
    tokens += matches * (recipe.comparison.max_tokens if recipe.comparison is not None else 0)
    tokens += nodes[1] * recipe.search.max_tokens
    return Work(
        prompts=prompts,
        responses=responses,
        response_votes=judged * votes,
        trees=(0, trees),
        nodes_per_tree=(least, most),
        nodes=nodes,
        node_votes=node_votes,
        # One call draws a prompt's responses, one a response's votes; a node takes one call and one for its votes.
        calls=(prompts + judged, prompts + judged + matches + 2 * nodes[1]),
        generated_tokens_at_most=tokens,
        actor_steps_at_most=_steps(_pairs(recipe), recipe.training.actor.batch_size, recipe.training.actor.epochs),
        refiner_steps_at_most=_steps(
            _examples(recipe) if recipe.refiner_fate == "trained" else 0,
            recipe.training.refiner.batch_size,
            recipe.training.refiner.epochs,
        ),
    )


def _matches(recipe: Recipe) -> int:
    """Comparisons of two judgments at most: of one response a prompt, each two in both orders, a call each."""
    if recipe.comparison is None:
        return 0
    judgments = min(recipe.comparison.judgments, recipe.judgment.votes)
    return recipe.prompts.per_iteration * judgments * (judgments - 1)


def _pairs(recipe: Recipe) -> int:
    return min(recipe.prompts.per_iteration, recipe.selection.max_pairs or recipe.prompts.per_iteration)


def _examples(recipe: Recipe) -> int:
    caps = recipe.selection.refiner
    return caps.refinements + caps.tree_yes + caps.tree_no + caps.response_no + caps.response_yes


def _steps(samples: int, batch: int, epochs: int) -> int:
    return -(-samples // batch) * epochs
