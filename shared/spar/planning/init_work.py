"""Calls and tokens of making the starting models, those of the teacher apart: they may be another's, and cost money.

Bounds as in `work`: retries are left out, and a negative is at most every prompt's.
"""

from dataclasses import dataclass, replace

from spar.planning.work import Work, work_of
from spar.recipes.init import ACTOR, REFINER, init_prompts
from spar.recipes.models import Recipe
from spar.recipes.stages import at


@dataclass(frozen=True, slots=True)
class InitWork:
    """`actor` and `refiner` are the two iterations, None where the set is given. Calls are (least, most); tokens are
    generated ones, at most."""

    actor: Work | None
    refiner: Work | None
    teacher_calls: tuple[int, int]
    teacher_tokens_at_most: int
    own_calls: int
    own_tokens_at_most: int


def init_work_of(recipe: Recipe) -> InitWork | None:
    if recipe.init is None:
        return None
    prompts = dict(zip((ACTOR, REFINER), init_prompts(recipe), strict=True))
    actor = _work(recipe, ACTOR, prompts[ACTOR])
    refiner = _work(recipe, REFINER, prompts[REFINER])
    own_calls = 0 if refiner is None else refiner.prompts
    own_tokens = 0 if refiner is None else refiner.responses * recipe.init.responses.max_tokens
    done = [work for work in (actor, refiner) if work is not None]
    return InitWork(
        actor=actor,
        refiner=refiner and replace(refiner, actor_steps_at_most=0),
        teacher_calls=(
            sum(work.calls[0] for work in done) - own_calls,
            sum(work.calls[1] for work in done) - own_calls,
        ),
        teacher_tokens_at_most=sum(work.generated_tokens_at_most for work in done) - own_tokens,
        own_calls=own_calls,
        own_tokens_at_most=own_tokens,
    )


def _work(recipe: Recipe, iteration: int, prompts: int) -> Work | None:
    if not prompts:
        return None
    settings = at(recipe, iteration)
    return work_of(
        settings.model_copy(update={"prompts": recipe.prompts.model_copy(update={"per_iteration": prompts})})
    )
