"""Problems of a recipe's `init`, from the recipe, the installed engines, and the files that it names."""

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from spar.recipes.init import ACTOR, REFINER, VERDICTS, is_given, role_of
from spar.recipes.iteration_settings import base_settings
from spar.recipes.models import InitSettings, Recipe
from spar.recipes.nearby import absent
from spar.recipes.policies import generating_policy, judging_policy
from spar.recipes.policy_checks import init_policies, selfplay_policies, unknown_policies
from spar.recipes.problems import Flaw, Problem


def check_init(recipe: Recipe) -> Iterator[Problem]:
    if recipe.init is None:
        return
    yield from _teacher_is_there(recipe, recipe.init)
    yield from _teacher_can_teach(recipe, recipe.init)
    yield from _files_are_there(recipe.init)
    yield from _pairs_are_given(recipe, recipe.init)


def _teacher_is_there(recipe: Recipe, init: InitSettings) -> Iterator[Problem]:
    taught = [str(role_of(iteration)) for iteration in (ACTOR, REFINER) if not is_given(recipe, iteration)]
    if taught and init.teacher is None:
        what = f"names no teacher, and no data for the {' and the '.join(taught)}"
        yield Problem(keys=("init",), what=what, fix="Add init.teacher.model, or name files in init.data.")
    if init.teacher is not None and not taught:
        yield Problem(
            keys=("init", "teacher"), what="is not used: both data sets are given", fix="Delete it, or init.data."
        )
    if init.teacher is None or init.teacher.engine is None:
        return
    engine, keys = init.teacher.engine, ("init", "teacher", "engine")
    installed = sorted({entry.name for entry in entry_points(group="spar.engines")})
    if engine.kind not in installed:
        fix = f"Choose one of: {', '.join(installed)}."
        yield Problem(keys=(*keys, "kind"), what=f"is {engine.kind!r}, which is not installed", fix=fix)
    if engine.kind == "openai" and engine.url is None:
        fix = "Add it, such as https://api.openai.com/v1."
        yield Problem(
            keys=(*keys, "url"),
            what="is missing: the teacher's engine openai needs a url",
            fix=fix,
            flaw=Flaw.MISSING,
        )


def _teacher_can_teach(recipe: Recipe, init: InitSettings) -> Iterator[Problem]:
    unknown = [*unknown_policies(init_policies(init))]
    yield from unknown
    wrong = {problem.keys for problem in unknown}
    for name, settings in (("generation", init.generation), ("responses", init.responses)):
        if ("init", name, "policy") not in wrong and generating_policy(settings.policy).backward:
            yield Problem(
                keys=("init", name, "policy"),
                what=f"is {settings.policy}, but prompts are responded to",
                fix="Delete it.",
            )
    unknown_in_selfplay = [*unknown_policies(selfplay_policies(base_settings(recipe)))]
    if ("init", "judgment", "policy") not in wrong and not unknown_in_selfplay:
        yield from _judging_is_learned(recipe, init.judgment.policy)
    caps = init.selection
    if not (caps.refinements or caps.tree_yes or caps.tree_no or caps.response_no or caps.response_yes):
        what = "has every cap at 0: the refiner would have no training data"
        yield Problem(keys=("init", "selection"), what=what, fix="Raise at least one of the caps.")


def _judging_is_learned(recipe: Recipe, taught: str) -> Iterator[Problem]:
    """A refiner is trained to give verdicts; a shared model, to judge by the policy of self-play."""
    policy = judging_policy(recipe.judgment.policy)
    wanted = policy.name if recipe.models.shared and policy.form is not None else VERDICTS
    if is_given(recipe, REFINER) or taught == wanted:
        return
    learns = "a refiner is trained to give verdicts"
    if wanted != VERDICTS:
        learns = f"the model judges by {wanted} in self-play, and is trained for that by the teacher"
    yield Problem(keys=("init", "judgment", "policy"), what=f"is {taught}, but {learns}", fix=f"Set it to {wanted}.")


def _files_are_there(init: InitSettings) -> Iterator[Problem]:
    for name, files in (("actor", init.data.actor), ("refiner", init.data.refiner)):
        for file in files:
            if not Path(file).is_file():
                fix = (
                    'Name a JSONL file of {"messages": [...]} rows; `spar sets import` writes them from other layouts.'
                )
                yield absent(("init", "data", name), "names a missing file", Path(file), fix)


def _pairs_are_given(recipe: Recipe, init: InitSettings) -> Iterator[Problem]:
    keys = ("init", "actor", "method")
    if init.actor.method != "dpo":
        return
    if not init.data.actor:
        fix = "Name files of pairs in init.data.actor, or delete it."
        yield Problem(keys=keys, what="is dpo, but a teacher's responses are not pairs", fix=fix)
    if recipe.models.shared:
        what = "is dpo, but a shared model is trained on the actor's data again with the refiner's, by sft"
        yield Problem(keys=keys, what=what, fix="Delete it, or set models.shared to false.")
