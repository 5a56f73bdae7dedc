"""Finds policies by name, our own and third parties' alike, and says which forms and data a recipe's policies need.

Ours are the tables of `spar.method`; others come by entry points (docs/extending.md). Knows nothing of running them.
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
    """The policy's options, complete."""
    return {**judging_policy(settings.policy).options, **settings.options}


def selection_options(settings: SelectionSettings) -> dict[str, float]:
    return {**selection_policy(settings.pairs).options, **settings.options}


def searches(settings: IterationSettings) -> bool:
    """Whether shards go through the tree search."""
    return selection_policy(settings.selection.pairs).searches


def writes_refiner_data(settings: IterationSettings) -> bool:
    """Whether selection makes examples for a refiner: one that is trained here, or, without training, any."""
    if settings.training.trains:
        return settings.refiner_fate == "trained"
    return judging_policy(settings.judgment.policy).votes_only


def needs_checkers(recipe: Recipe) -> bool:
    """Whether responses are judged by code that comes with their prompts."""
    policies = [judging_policy(each.judgment.policy) for each in every_settings(recipe)]
    return any(policy.form is None and not policy.no_replies for policy in policies)


def writes_prompts(recipe: Recipe) -> bool:
    """Whether a model writes the prompts that are learned from, so that they can be any, measured ones too."""
    return any(generating_policy(each.generation.policy).backward for each in every_settings(recipe))


def forms_needed(recipe: Recipe) -> dict[str, str | None]:
    """The forms besides judge and refine, by name, each with its policy's own text for sets that have no such file."""
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
    raise RecipeError(f"{key} is {name!r}, which is no policy.", f"Did you mean '{close[0]}'? {fix}" if close else fix)


def _installed(group: str) -> set[str]:
    return set(entry_points(group=group).names)
