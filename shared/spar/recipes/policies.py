"""Finds policies by name, built-in and third-party alike, and the forms and data that a recipe's policies need.

Built-in ones are in tables of `spar.method`; others are entry points (docs/extending.md). Runs none of them.
"""

import difflib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import TypeVar, cast

from spar.errors import RecipeError
from spar.method.generating import GENERATING, GeneratingPolicy
from spar.method.judging import JUDGING, JudgingPolicy
from spar.method.selecting import SELECTING, SelectionPolicy
from spar.recipes.iteration_settings import IterationSettings, every_settings
from spar.recipes.models import JudgmentSettings, Recipe, SelectionSettings

JUDGMENT_GROUP = "spar.judgment_policies"
SELECTION_GROUP = "spar.selection_policies"
GENERATION_GROUP = "spar.generation_policies"
COMPARE = "compare"
"""The form of the meta-judge."""

Policy = TypeVar("Policy", JudgingPolicy, SelectionPolicy, GeneratingPolicy)


def judging_policy(name: str) -> JudgingPolicy:
    return _find(name, "judgment.policy", JUDGING, JUDGMENT_GROUP)


def selection_policy(name: str) -> SelectionPolicy:
    return _find(name, "selection.pairs", SELECTING, SELECTION_GROUP)


def generating_policy(name: str) -> GeneratingPolicy:
    return _find(name, "generation.policy", GENERATING, GENERATION_GROUP)


def judging_options(settings: JudgmentSettings) -> dict[str, float]:
    """The policy's options, including defaults."""
    return {**judging_policy(settings.policy).options, **settings.options}


def selection_options(settings: SelectionSettings) -> dict[str, float]:
    return {**selection_policy(settings.pairs).options, **settings.options}


def searches(settings: IterationSettings) -> bool:
    """Whether shards go through the tree search."""
    return selection_policy(settings.selection.pairs).searches


def writes_refiner_data(settings: IterationSettings) -> bool:
    """Whether selection makes examples for a refiner: for one that is trained, or, without training, for export."""
    if settings.training.trains:
        return settings.refiner_fate == "trained"
    return judging_policy(settings.judgment.policy).votes_only


def needs_checkers(recipe: Recipe) -> bool:
    """Whether responses are judged by code supplied with their prompts."""
    policies = [judging_policy(each.judgment.policy) for each in every_settings(recipe)]
    return any(policy.form is None and not policy.no_replies for policy in policies)


def writes_prompts(recipe: Recipe) -> bool:
    """Whether a model writes the training prompts, which could thus be any, including those of an evaluation."""
    return any(generating_policy(each.generation.policy).backward for each in every_settings(recipe))


def forms_needed(recipe: Recipe) -> dict[str, str | None]:
    """The forms besides judge and refine, by name, each with its policy's default text, if any."""
    needed: dict[str, str | None] = {}
    for each in every_settings(recipe):
        for policy in (judging_policy(each.judgment.policy), generating_policy(each.generation.policy)):
            if policy.form not in (None, "judge"):
                needed[str(policy.form)] = policy.text
        if each.comparison is not None:
            needed[COMPARE] = None
    return needed


def _find(name: str, key: str, table: Mapping[str, Policy], group: str) -> Policy:
    if name in table:
        return table[name]
    if name in _installed(group):
        return cast(Policy, entry_points(group=group)[name].load())
    known = sorted({*table, *_installed(group)})
    close = difflib.get_close_matches(name, known, n=1)
    fix = f"Choose one of: {', '.join(known)}; or install one in {group}."
    raise RecipeError(f"{key} is {name!r}, not a known policy.", f"Did you mean '{close[0]}'? {fix}" if close else fix)


def _installed(group: str) -> set[str]:
    return set(entry_points(group=group).names)
