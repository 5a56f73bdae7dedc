"""Calls and tokens of measuring a run's models: the suite, benchmarks, and outside judges, counted separately.

Measured are the starting models and each iteration's; a model that an iteration keeps is not measured again. The number
of a benchmark's items comes from its data (`plan_inputs.benchmark_items`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spar.benchmark_records import Work
from spar.benchmark_registry import BENCHMARKS
from spar.evaluation import story
from spar.evaluation.benchmarks.driver import ItemCounts
from spar.inference.strategies import Draws, Strategy, make_strategy
from spar.planning.call_estimates import NOTHING, PROMPT_TOKENS, TEMPLATE_TOKENS, CallEstimate, calls
from spar.planning.general import calls_of
from spar.planning.work import most_nodes
from spar.recipes.benchmarks import RATED_BY_LAST, REFINEMENT, measurements, planned
from spar.recipes.general import general_of, general_parts
from spar.recipes.init import FIRST
from spar.recipes.iteration_settings import settings_in
from spar.recipes.models import AskSettings, BenchmarkSettings, EvaluationPlan, JudgmentSettings, Recipe
from spar.recipes.policies import searches


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementWork:
    """One kind of measurement, made `times` times over `items`: the calls to the run's models and to an outside judge
    in total."""

    name: str
    items: int
    times: int
    own: CallEstimate
    judge: CallEstimate = NOTHING


def measuring_of(
    recipe: Recipe, items: Mapping[str, ItemCounts], prompt_tokens: int = PROMPT_TOKENS
) -> tuple[MeasurementWork, ...]:
    """`items`: the sizes of the recipe's benchmarks, by name."""
    plan = recipe.evaluation
    found = list(_suite(recipe, plan, prompt_tokens)) if plan is not None and plan.suite != "none" else []
    for name, settings in planned(plan).items():
        found += _benchmark(recipe, name, settings, items[name], prompt_tokens)
    if (general := general_of(plan)) is not None:
        for part, task in general_parts(general).items():
            own, times = calls_of(task, items[part].items, general), rounds(recipe, "actor")
            found.append(MeasurementWork(name=part, items=items[part].items, times=times, own=own.times(times)))
    return (*found, *_judge_audit(recipe, prompt_tokens))


def _benchmark(
    recipe: Recipe, name: str, settings: BenchmarkSettings, items: ItemCounts, prompt_tokens: int
) -> Iterator[MeasurementWork]:
    """One measurement for each strategy: they share no calls."""
    times = rounds(recipe, BENCHMARKS[name].part)
    for part, requested in measurements(name, settings).items():
        own, judge = _WORK[BENCHMARKS[name].work](requested, items, prompt_tokens)
        judge = judge if settings.judge is not None else NOTHING
        yield MeasurementWork(name=part, items=items.items, times=times, own=own.times(times), judge=judge.times(times))
    if name == REFINEMENT and times > 1:
        # The last refiner rates the refinements of every other refiner of self-play, which are recomputed first.
        others = times - 1 - (recipe.init is not None)
        own, _ = _refinement(AskSettings(**_without_strategy(settings)), items, prompt_tokens)
        rated = _rating(settings, items, prompt_tokens)
        yield MeasurementWork(name=RATED_BY_LAST, items=items.items, times=others, own=own.plus(rated).times(others))


def _without_strategy(settings: BenchmarkSettings) -> dict[str, Any]:
    """The settings without a strategy: the last refiner rates the greedy refinements."""
    return {key: getattr(settings, key) for key in AskSettings.model_fields if key != "strategy"}


def rounds(recipe: Recipe, part: str) -> int:
    """How many models of the part a run has: given, made before self-play, and trained."""
    before = 2 if recipe.init is not None else 1
    iterations = range(FIRST, FIRST + recipe.iterations)
    if not recipe.training.trains:
        return before
    if part == "actor":
        return before + len(iterations)
    return before + sum(settings_in(recipe, iteration).refiner_fate != "kept" for iteration in iterations)


def _suite(recipe: Recipe, plan: EvaluationPlan, prompt_tokens: int) -> Iterator[MeasurementWork]:
    """Prompts are answered greedily and by sampling; items are judged; items to refine are judged, then refined."""
    read = TEMPLATE_TOKENS + prompt_tokens + story.RESPONSE_TOKENS
    responses = calls(2 * plan.actor_prompts, story.RESPONSE_TOKENS, prompt_tokens)
    judged = calls(plan.judge_items + plan.refine_items, story.JUDGMENT_TOKENS, read)
    refined = calls(plan.refine_items, story.REFINEMENT_TOKENS, read + story.JUDGMENT_TOKENS, least=0)
    parts = {"actor": (plan.actor_prompts, responses)}
    parts["refiner"] = (plan.judge_items + plan.refine_items, judged.plus(refined))
    for part, (number, own) in parts.items():
        times = rounds(recipe, part)
        yield MeasurementWork(name=f"{plan.suite}: {part}", items=number, times=times, own=own.times(times))


def _responses(settings: AskSettings, items: ItemCounts, prompt_tokens: int) -> tuple[CallEstimate, CallEstimate]:
    """The actor's responses; with a strategy, also the refiner's search, bounded by its budget."""
    response = calls(items.items, settings.max_tokens, prompt_tokens)
    searched = _searched(settings, items, make_strategy(settings.strategy, settings.budget), prompt_tokens)
    judge = calls(items.judged, settings.judge_tokens, TEMPLATE_TOKENS + 2 * prompt_tokens + settings.max_tokens)
    return response.plus(searched), judge


def _searched(settings: AskSettings, items: ItemCounts, strategy: Strategy, prompt_tokens: int) -> CallEstimate:
    """Every response is judged; each further text is sampled and judged, and each may be the last."""
    if strategy.policy is None:
        return NOTHING
    votes = JudgmentSettings().votes * settings.judge_tokens  # as `spar.evaluation.search` requests them
    longest = settings.max_tokens + settings.max_tokens // 2
    read, nodes = TEMPLATE_TOKENS + prompt_tokens, items.items * most_nodes(strategy.policy)
    judged = calls(items.items, votes, read + settings.max_tokens)
    if strategy.draws is Draws.RESPONSES:
        drawn = calls(nodes, settings.max_tokens, prompt_tokens, least=0)
    else:
        drawn = calls(nodes, longest, read + longest + settings.judge_tokens, least=0)
    return judged.plus(drawn).plus(calls(nodes, votes, read + longest, least=0))


def _judgments(settings: AskSettings, items: ItemCounts, prompt_tokens: int) -> tuple[CallEstimate, CallEstimate]:
    return calls(items.items, settings.votes * settings.judge_tokens, TEMPLATE_TOKENS + 2 * prompt_tokens), NOTHING


def _refinement(settings: AskSettings, items: ItemCounts, prompt_tokens: int) -> tuple[CallEstimate, CallEstimate]:
    """Judged, refined, and judged again; an outside judge rates the refinements."""
    again = _rating(settings, items, prompt_tokens)
    if settings.strategy not in ("actor", "greedy"):
        searched = _searched(settings, items, make_strategy(settings.strategy, settings.budget), prompt_tokens)
        return searched.plus(again), again
    read = TEMPLATE_TOKENS + 2 * prompt_tokens
    first = calls(items.items, settings.judge_tokens, read)
    refined = calls(items.items, settings.max_tokens, read + settings.judge_tokens, least=0)
    return first.plus(refined).plus(again), again


def _rating(settings: AskSettings | BenchmarkSettings, items: ItemCounts, prompt_tokens: int) -> CallEstimate:
    """One rater's votes on the refinements."""
    votes = settings.votes * settings.judge_tokens
    return calls(items.items, votes, TEMPLATE_TOKENS + prompt_tokens + settings.max_tokens, least=0)


_WORK = {Work.RESPONSES: _responses, Work.JUDGMENTS: _judgments, Work.REFINEMENTS: _refinement}
"""The calls to the run's models in one round, and to an outside judge."""


def _judge_audit(recipe: Recipe, prompt_tokens: int) -> Iterator[MeasurementWork]:
    """Rules need no call; an outside judge rates each audited response and the best text of each search."""
    if recipe.judge_audit is None or recipe.judge_audit.judge is None:
        return
    prompts, judge, most = min(recipe.judge_audit.prompts, recipe.prompts.per_iteration), NOTHING, 0
    for iteration in range(FIRST, FIRST + recipe.iterations):
        settings = settings_in(recipe, iteration)
        texts = prompts * (settings.generation.n + searches(settings))
        longest = max(settings.generation.max_tokens, settings.search.max_tokens if searches(settings) else 0)
        read = TEMPLATE_TOKENS + prompt_tokens + longest
        judge = judge.plus(calls(texts, recipe.judge_audit.judge_tokens, read, least=0))
        most = max(most, texts)
    yield MeasurementWork(name="honesty", items=most, times=recipe.iterations, own=NOTHING, judge=judge)
