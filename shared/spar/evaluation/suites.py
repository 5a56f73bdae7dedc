"""The suites by name, and their entry points: measure a model, audit pairs.

A suite defines a model's items and how they are checked. It knows nothing of runs; its caller keeps the rows. Items are
drawn by the evaluation's own seed, so that any two models can be compared item by item.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spar.aio import gather
from spar.engines.base import ChatModel, LocalModel, Sampling
from spar.engines.registry import make_engine
from spar.errors import RecipeError
from spar.evaluation import story
from spar.evaluation.items import Gather, Item
from spar.evaluation.statistics import Proportion
from spar.evaluation.story import JUDGMENT_TOKENS
from spar.messages.counts import MeasureCounts, SuiteCounts
from spar.method.records import Pair
from spar.method.templates import TemplateSet, builtin_templates
from spar.recipes.models import EngineSettings, EvaluationSettings
from spar.roles.usage import Usage
from spar.store.models import folder_fingerprint
from spar.worlds.story.items import judge_items, refine_items
from spar.worlds.story.prompts import Split, generate_prompts
from spar.worlds.story.questions import questions
from spar.worlds.story.stages import Part

SuitePart = Literal["actor", "refiner"]
Measuring = Callable[[ChatModel, EvaluationSettings, TemplateSet, int, Usage, Gather], Awaitable[list[Item]]]
HELD_OUT: Split = "heldout"
SAMPLED_TEMPERATURE = 0.9
"""The temperature of the paper's self-play responses; top_p stays 1, so the whole distribution is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """How one suite measures an actor and a refiner, checks a pair's chosen response, and which prompts it uses."""

    actor: Measuring
    refiner: Measuring
    audit: Callable[[Sequence[Pair]], list[Item]]
    prompts: Callable[[EvaluationSettings], list[str]]


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Every item as a row, rates and counts by measure as `summary`, and what it cost."""

    rows: tuple[Item, ...]
    summary: SuiteCounts
    usage: Usage


async def run_suite(
    part: SuitePart,
    chat: ChatModel,
    settings: EvaluationSettings,
    templates: TemplateSet,
    seed: int,
    gather: Gather = gather,
) -> SuiteResult:
    """Measure one model. The same model, settings and seed give the same rows on a deterministic engine. By default the
    first item that the engine fails ends the measurement."""
    suite = _suite(settings.suite)
    usage = Usage()
    measuring = suite.actor if part == "actor" else suite.refiner
    rows = await measuring(chat, settings, templates, seed, usage, gather)
    return SuiteResult(tuple(rows), summarize(rows), usage)


def prompts_of_suite(settings: EvaluationSettings) -> list[str]:
    """Every prompt that the suite uses."""
    return [] if settings.suite == "none" else _suite(settings.suite).prompts(settings)


def audit_pairs(pairs: Sequence[Pair], suite: str = "story") -> SuiteResult:
    """Check every pair's chosen response by the suite's rules; rows in the order of the pairs. Calls no model."""
    rows = _suite(suite).audit(pairs)
    return SuiteResult(tuple(rows), summarize(rows), Usage())


def summarize(rows: Sequence[Item]) -> SuiteCounts:
    totals = Counter(row.measure for row in rows)
    return SuiteCounts(
        measures={measure.value: _counted([row for row in rows if row.measure == measure]) for measure in totals}
    )


def _counted(rows: Sequence[Item]) -> MeasureCounts:
    correct = sum(row.correct for row in rows)
    failures = sum(row.failure is not None for row in rows)
    rate = Proportion(successes=correct, total=len(rows)).rate
    return MeasureCounts(rate=rate, correct=correct, total=len(rows), failures=failures)


async def _story_actor(
    chat: ChatModel, settings: EvaluationSettings, templates: TemplateSet, seed: int, usage: Usage, gather: Gather
) -> list[Item]:
    prompts = generate_prompts(settings.actor_prompts, settings.seed, HELD_OUT)
    limit = story.RESPONSE_TOKENS
    greedy = await story.evaluate_actor(chat, prompts, 0.0, 1.0, limit, seed, usage, gather)
    sampled = await story.evaluate_actor(chat, prompts, SAMPLED_TEMPERATURE, 1.0, limit, seed, usage, gather)
    return greedy + sampled


async def _story_refiner(
    chat: ChatModel, settings: EvaluationSettings, templates: TemplateSet, seed: int, usage: Usage, gather: Gather
) -> list[Item]:
    judged = judge_items(settings.judge_items, settings.seed, HELD_OUT)
    refined = refine_items(settings.refine_items, settings.seed, HELD_OUT)
    judgments = await story.evaluate_judge(chat, judged, templates, seed, usage, gather)
    return judgments + await story.evaluate_refine(chat, refined, templates, seed, usage, gather)


def _story_prompts(settings: EvaluationSettings) -> list[str]:
    """An actor, a judge and a refiner are measured on the same prompts, each on as many of the first as its setting."""
    most = max(settings.actor_prompts, settings.judge_items, settings.refine_items)
    return generate_prompts(most, settings.seed, HELD_OUT)


SUITES: Mapping[str, Suite] = {
    "story": Suite(actor=_story_actor, refiner=_story_refiner, audit=story.pair_precision, prompts=_story_prompts),
}


def _suite(name: str) -> Suite:
    if name not in SUITES:
        raise RecipeError(
            f"evaluation.suite is '{name}', which does not exist.",
            f"Choose one of: {', '.join(sorted(SUITES))}.",
        )
    return SUITES[name]


async def measured_rates(folder: Path, parts: Sequence[Part], items: int) -> Mapping[str, Proportion]:
    """Each measure's share of right replies, over `items` held-out items a measure. Loads the model in `folder`."""
    engine = make_engine(EngineSettings(kind="transformers"))
    settings = EvaluationSettings(actor_prompts=items, judge_items=items, refine_items=items)
    rates: dict[str, Proportion] = {}
    try:
        chat = await engine.serve(LocalModel(folder_fingerprint(folder), path=folder))
        for part in parts:
            if part == "skills":
                rates |= await _measure_skills(chat, items, settings.seed)
                continue
            result = await run_suite(part, chat, settings, builtin_templates("compact"), settings.seed)
            for name in dict.fromkeys(row.measure for row in result.rows):
                rates[name.value] = Proportion.of([row.correct for row in result.rows if row.measure == name])
    finally:
        await engine.close()
    return rates


async def _measure_skills(chat: ChatModel, items: int, seed: int) -> Mapping[str, Proportion]:
    """The skills of a model that has all roles: a greedy reply to each question of the world."""
    greedy = Sampling(temperature=0.0, top_p=1.0, max_tokens=JUDGMENT_TOKENS)
    held_out = list(questions(items, seed, HELD_OUT))
    replies = await gather(chat.sample(question.turns, 1, greedy, seed) for question in held_out)
    right: dict[str, list[bool]] = {}
    for question, (completion,) in zip(held_out, replies, strict=True):
        right.setdefault(question.measure, []).append(question.right(completion.text))
    return {measure: Proportion.of(found) for measure, found in right.items()}
