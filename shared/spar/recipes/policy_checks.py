"""Checks that a recipe's policies exist, accept their options, and fit each other, in each of its stages.

Uses the recipe and the tables of policies; `combinations` has the other checks of combined values.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from spar.errors import RecipeError
from spar.recipes.iteration_settings import IterationSettings, base_settings, settings_in
from spar.recipes.models import InitSettings, Recipe
from spar.recipes.paths import INIT_SET
from spar.recipes.policies import (
    generating_policy,
    judging_policy,
    selection_policy,
)
from spar.recipes.problems import Keys, Problem


def check_policies(recipe: Recipe) -> Iterator[Problem]:
    yield from _stages_fit(recipe)
    own = list(_in_iteration(recipe, base_settings(recipe)))
    yield from own
    for index, stage in enumerate(recipe.stages):
        for problem in _in_iteration(recipe, settings_in(recipe, stage.iterations[0])):
            if problem not in own:  # otherwise the stage inherits it from the recipe
                yield replace(problem, keys=("stages", str(index), *problem.keys))
    yield from _one_model(recipe)
    yield from _mix_is_used(recipe)


def _in_iteration(recipe: Recipe, settings: IterationSettings) -> Iterator[Problem]:
    unknown = list(unknown_policies(selfplay_policies(settings)))
    yield from unknown
    yield from _options_are_known(settings, {problem.keys[0] for problem in unknown})
    if not unknown:
        yield from _fit(recipe, settings)


PolicyName = tuple[Keys, Callable[[str], object], str]
"""The key of a policy, the function that finds it, and its name."""


def selfplay_policies(settings: IterationSettings) -> tuple[PolicyName, ...]:
    return (
        (("generation", "policy"), generating_policy, settings.generation.policy),
        (("judgment", "policy"), judging_policy, settings.judgment.policy),
        (("selection", "pairs"), selection_policy, settings.selection.pairs),
    )


def init_policies(init: InitSettings) -> tuple[PolicyName, ...]:
    return (
        (("init", "generation", "policy"), generating_policy, init.generation.policy),
        (("init", "responses", "policy"), generating_policy, init.responses.policy),
        (("init", "judgment", "policy"), judging_policy, init.judgment.policy),
    )


def unknown_policies(names: Iterable[PolicyName]) -> Iterator[Problem]:
    for keys, find, name in names:
        try:
            find(name)
        except RecipeError as error:
            yield Problem(keys=keys, what=f"is {name!r}, not a known policy", fix=error.fix)


def _options_are_known(settings: IterationSettings, without_policy: Collection[str]) -> Iterator[Problem]:
    """Checks the options of sections with a known policy."""
    sections: tuple[tuple[str, Callable[[], Mapping[str, float]], Mapping[str, float]], ...] = (
        ("judgment", lambda: judging_policy(settings.judgment.policy).options, settings.judgment.options),
        ("selection", lambda: selection_policy(settings.selection.pairs).options, settings.selection.options),
    )
    for section, options, given in sections:
        ours = {} if section in without_policy else options()
        for name in given if section not in without_policy else ():
            if name not in ours:
                yield Problem(
                    keys=(section, "options", name), what="is not an option of this policy", fix=_instead(name, ours)
                )


def _instead(name: str, options: Mapping[str, float]) -> str:
    close = difflib.get_close_matches(name, options, n=1)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Known options: {', '.join(options)}." if options else "It has none: delete the key."


def _fit(recipe: Recipe, settings: IterationSettings) -> Iterator[Problem]:
    judging, selecting = judging_policy(settings.judgment.policy), selection_policy(settings.selection.pairs)
    method = settings.training.actor.method
    if settings.training.trains and (selecting.makes == "pairs") != (method == "dpo"):
        what = f"is {settings.selection.pairs}, which makes {selecting.makes}, but the actor trains by {method}"
        fix = (
            f"Set training.actor.method to {'dpo' if selecting.makes == 'pairs' else 'sft'}, or choose another policy."
        )
        yield Problem(keys=("selection", "pairs"), what=what, fix=fix)
    if selecting.searches and not judging.votes_only:
        what = f"is {settings.selection.pairs}, whose search needs votes, but judgment.policy is {judging.name}"
        yield Problem(
            keys=("selection", "pairs"),
            what=what,
            fix="Set judgment.policy to verdict, or choose a policy without a search.",
        )
    if settings.generation.n < selecting.responses:
        what = f"is {settings.selection.pairs}: a pair takes two responses to a prompt, and generation.n is 1"
        yield Problem(keys=("selection", "pairs"), what=what, fix="Raise generation.n (the paper has 5).")
    if not judging.votes_only and settings.refiner_fate == "trained":
        what = f"is {judging.name}, but a refiner is trained to give verdicts"
        fix = "Set training.train_refiner to false, or models.shared to true."
        yield Problem(keys=("judgment", "policy"), what=what, fix=fix)
    yield from _generation_fits(recipe, settings)
    if settings.comparison is not None:
        yield from _comparison_fits(settings)


def _generation_fits(recipe: Recipe, settings: IterationSettings) -> Iterator[Problem]:
    policy = generating_policy(settings.generation.policy)
    if policy.backward and recipe.models.backward is None:
        fix = "Add models.backward: the model that writes instructions."
        yield Problem(keys=("generation", "policy"), what=f"is {policy.name}, but there is no backward model", fix=fix)
    if policy.backward and settings.generation.n != 1:
        yield Problem(
            keys=("generation", "n"),
            what=f"is {settings.generation.n}, but a text takes one instruction",
            fix="Set it to 1.",
        )
    if not policy.backward and recipe.models.backward is not None and not recipe.stages:
        fix = "Delete it, or set generation.policy to instruct."
        yield Problem(keys=("models", "backward"), what="names a model that is not used", fix=fix)


def _comparison_fits(settings: IterationSettings) -> Iterator[Problem]:
    if judging_policy(settings.judgment.policy).read is None:
        what = "compares judgments with scores, but judgment.policy is " + settings.judgment.policy
        yield Problem(keys=("comparison",), what=what, fix="Set judgment.policy to rubric.")
    if settings.training.actor.method != "dpo" or not settings.one_model:
        what = "makes pairs of judgments, but no model here is trained by dpo to judge"
        yield Problem(
            keys=("comparison",),
            what=what,
            fix="Set models.shared to true and training.actor.method to dpo, or delete it.",
        )


def _stages_fit(recipe: Recipe) -> Iterator[Problem]:
    named = Counter(iteration for stage in recipe.stages for iteration in stage.iterations)
    for iteration, times in sorted(named.items()):
        if times > 1:
            yield Problem(keys=("stages",), what=f"has iteration {iteration} {times} times", fix="Name it once.")
        if iteration > recipe.iterations:
            fix = "Correct the stage, or raise iterations."
            yield Problem(
                keys=("stages",), what=f"names iteration {iteration}, but there are {recipe.iterations}", fix=fix
            )
    for index, stage in enumerate(recipe.stages):
        if stage.training is not None and stage.training.mix not in (None, recipe.training.mix):
            what = "differs from training.mix: a run mixes in one data set"
            yield Problem(
                keys=("stages", str(index), "training", "mix"), what=what, fix="Name it in training.mix alone."
            )


def _one_model(recipe: Recipe) -> Iterator[Problem]:
    if recipe.models.shared and recipe.models.actor != recipe.models.refiner:
        what = f"is true, but models.actor is {recipe.models.actor} and models.refiner {recipe.models.refiner}"
        yield Problem(keys=("models", "shared"), what=what, fix="Name the same model for both.")


def _mix_is_used(recipe: Recipe) -> Iterator[Problem]:
    if recipe.training.mix == INIT_SET and recipe.init is None:
        what = f"is {INIT_SET}, the data set of init, but there is no init"
        yield Problem(
            keys=("training", "mix"), what=what, fix="Name a file of conversations, or add init.teacher.model."
        )
    methods = {settings_in(recipe, iteration).training.actor.method for iteration in range(1, recipe.iterations + 1)}
    if recipe.training.mix is not None and "sft" not in methods:
        what = "names conversations to mix in, but the actor trains by dpo, on pairs"
        yield Problem(keys=("training", "mix"), what=what, fix="Delete it, or set training.actor.method to sft.")
