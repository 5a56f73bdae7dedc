"""Calls and tokens of one iteration: exact where the recipe determines them, bounds where the models do.

Retries of unparsable replies are left out: the recipe bounds them, and they are rare with models that can judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spar.method.policies import SearchPolicy, make_policy
from spar.planning.call_estimates import PROMPT_TOKENS, TEMPLATE_TOKENS, CallEstimate, added, calls
from spar.recipes.init import FIRST
from spar.recipes.iteration_settings import IterationSettings, settings_in
from spar.recipes.models import Recipe, SearchSettings, TrainingSettings
from spar.recipes.policies import judging_policy, searches


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationWork:
    """The work of one iteration. Pairs are (least, most). `steps`: the calls by kind of step."""

    prompts: int
    responses: int
    response_votes: int
    trees: tuple[int, int]
    nodes_per_tree: tuple[int, int]
    nodes: tuple[int, int]
    node_votes: tuple[int, int]
    comparisons: int
    steps: Mapping[str, CallEstimate]
    actor_steps_at_most: int
    refiner_steps_at_most: int

    @property
    def calls(self) -> CallEstimate:
        return added(self.steps.values())


@dataclass(frozen=True, slots=True)
class StageWork:
    """Iterations with the same settings, and the work of each of them."""

    iterations: tuple[int, ...]
    work: IterationWork


def alike(recipe: Recipe) -> list[tuple[IterationSettings, list[int]]]:
    """The distinct settings of self-play's iterations, each with its iterations, in order of first use."""
    found: list[tuple[IterationSettings, list[int]]] = []
    for iteration in range(FIRST, FIRST + recipe.iterations):
        settings = settings_in(recipe, iteration)
        known = next((numbers for each, numbers in found if each == settings), None)
        if known is None:
            found.append((settings, [iteration]))
        else:
            known.append(iteration)
    return found


def stage_works(recipe: Recipe, prompt_tokens: int = PROMPT_TOKENS) -> tuple[StageWork, ...]:
    """The work of all iterations of self-play."""
    prompts = recipe.prompts.per_iteration
    return tuple(
        StageWork(tuple(numbers), work_of(settings, prompts, prompt_tokens)) for settings, numbers in alike(recipe)
    )


def nodes_per_tree(search: SearchSettings) -> tuple[int, int]:
    """Refinements of one tree, besides its root (docs/method.md).

    A level is expanded completely before it is tested for acceptance, so a tree has at least its first level: 3 in the
    paper. With stop_when_decided a good first child can be the only one.
    """
    policy = make_policy(
        search.policy, search.branch, search.beam_width, search.depth, search.accept_threshold, 0, True
    )
    return (1 if search.stop_when_decided else policy.branch), most_nodes(policy)


def most_nodes(policy: SearchPolicy) -> int:
    """Breadth first keeps `keep` nodes a level, at most 3 + 6 + 6 = 15; depth first `keep` children of each node, at
    most 3 + 6 + 12 = 21; a budget caps both."""
    keep = min(policy.keep, policy.branch)
    if policy.order == "breadth":
        most = policy.branch + (policy.depth - 1) * keep * policy.branch
    else:
        most = sum(policy.branch * keep**level for level in range(policy.depth))
    return most if policy.max_nodes is None else min(most, policy.max_nodes)


def work_of(settings: IterationSettings, prompts: int, prompt_tokens: int = PROMPT_TOKENS) -> IterationWork:
    """The work of one iteration of this many prompts; see `stage_works` for all iterations of a recipe."""
    n, votes = settings.generation.n, settings.judgment.votes
    trees = prompts if searches(settings) else 0
    least, most = nodes_per_tree(settings.search)
    nodes = (0, trees * most)
    responses = prompts * n
    judged = responses if judging_policy(settings.judgment.policy).form is not None else 0
    matches = _matches(settings, prompts)
    return IterationWork(
        prompts=prompts,
        responses=responses,
        response_votes=judged * votes,
        trees=(0, trees),
        nodes_per_tree=(least, most),
        nodes=nodes,
        node_votes=(0, nodes[1] * votes),
        comparisons=matches,
        steps=_steps_of(settings, prompts, prompt_tokens, judged, matches, nodes[1]),
        actor_steps_at_most=_optimizer_steps(
            _pairs(settings, prompts) if settings.training.trains else 0, settings.training.actor
        ),
        refiner_steps_at_most=_optimizer_steps(
            _examples(settings) if settings.refiner_fate == "trained" else 0, settings.training.refiner
        ),
    )


def _steps_of(
    settings: IterationSettings, prompts: int, prompt_tokens: int, judged: int, matches: int, nodes: int
) -> dict[str, CallEstimate]:
    """One call samples a prompt's responses, one a response's votes; a node takes one call and one for its votes."""
    response, vote, refined = settings.generation.max_tokens, settings.judgment.max_tokens, settings.search.max_tokens
    votes, read = settings.judgment.votes, TEMPLATE_TOKENS + prompt_tokens
    steps = {
        "generation": calls(prompts, settings.generation.n * response, prompt_tokens),
        "judgment": calls(judged, votes * vote, read + response),
    }
    if settings.comparison is not None:
        steps["comparison"] = calls(matches, settings.comparison.max_tokens, read + response + 2 * vote, least=0)
    if nodes:
        refining = calls(nodes, refined, read + max(response, refined) + vote, least=0)
        steps["refinement"] = refining.plus(calls(nodes, votes * vote, read + refined, least=0))
    return steps


def only(work: IterationWork, *kinds: str) -> CallEstimate:
    """The calls of these kinds of steps."""
    return added(calls for kind, calls in work.steps.items() if kind in kinds)


def _matches(settings: IterationSettings, prompts: int) -> int:
    """Comparisons of two judgments, at most: of one response per prompt, each pair in both orders, one call each."""
    if settings.comparison is None:
        return 0
    judgments = min(settings.comparison.judgments, settings.judgment.votes)
    return prompts * judgments * (judgments - 1)


def _pairs(settings: IterationSettings, prompts: int) -> int:
    return min(prompts, settings.selection.max_pairs or prompts)


def _examples(settings: IterationSettings) -> int:
    caps = settings.selection.refiner
    return caps.refinements + caps.tree_yes + caps.tree_no + caps.response_no + caps.response_yes


def _optimizer_steps(samples: int, training: TrainingSettings) -> int:
    return -(-samples // training.batch_size) * training.epochs
