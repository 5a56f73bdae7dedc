"""Calls and tokens of making the starting models, with the teacher's counted separately since they may cost money.

Bounds as in `work`: without retries, and with a negative for every prompt at most.
"""

from dataclasses import dataclass, replace

from spar.planning.call_estimates import PROMPT_TOKENS, CallEstimate, added
from spar.planning.work import IterationWork, only, work_of
from spar.recipes.init import ACTOR, REFINER, init_prompts, is_teachers
from spar.recipes.iteration_settings import settings_in
from spar.recipes.models import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class InitWork:
    """`actor` and `refiner` are the two iterations, None where the data set is given; `teacher` and `own` are the calls
    to the teacher and to the run's own models."""

    actor: IterationWork | None
    refiner: IterationWork | None
    teacher: CallEstimate
    own: CallEstimate


def init_work_of(recipe: Recipe, prompt_tokens: int = PROMPT_TOKENS) -> InitWork | None:
    """Calls and training steps that make the starting models; None for a recipe that starts from given ones."""
    if recipe.init is None:
        return None
    prompts = dict(zip((ACTOR, REFINER), init_prompts(recipe), strict=True))
    works = {
        iteration: work_of(settings_in(recipe, iteration), number, prompt_tokens)
        for iteration, number in prompts.items()
        if number
    }
    actor, refiner = works.get(ACTOR), works.get(REFINER)
    return InitWork(
        actor=actor,
        refiner=refiner and replace(refiner, actor_steps_at_most=0),
        teacher=_calls(works, teachers=True),
        own=_calls(works, teachers=False),
    )


def _calls(works: dict[int, IterationWork], teachers: bool) -> CallEstimate:
    return added(
        [
            only(work, kind)
            for iteration, work in works.items()
            for kind in work.steps
            if is_teachers(iteration, kind) is teachers
        ]
    )
