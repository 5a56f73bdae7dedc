"""The parts of a run's prompts that a pilot observed: those of making the starting models, if any, and those of
self-play. Figures of one part say nothing about another: different models are called for different tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spar.method.records import Prompt
from spar.planning.pilot import EVALUATION, PilotFacts
from spar.recipes.init import ACTOR, FIRST, OF, REFINER, init_prompts, is_given, is_teachers, iteration_of
from spar.recipes.models import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPart:
    """`iteration` is one of the starting models' or the first of self-play, which represents all. `units` are the
    pilot's prompts with at least one call; `kinds` their steps, in the order in which shards go through them."""

    iteration: int
    units: tuple[str, ...]
    kinds: tuple[str, ...]
    prompts: int
    """In one such iteration of the run."""

    def of(self, teachers: bool) -> tuple[str, ...]:
        """The kinds of steps that call the teacher, or those that do not."""
        return tuple(kind for kind in self.kinds if asks_teacher(kind) is teachers)


def asks_teacher(step: str) -> bool:
    return is_teachers(iteration_of(step), step.rpartition(OF)[2])


def parts_of(recipe: Recipe, pilot: PilotFacts) -> list[ForecastPart]:
    """The parts with at least one call, self-play last."""
    return [part for part in _parts(recipe, pilot) if part.units]


def _parts(recipe: Recipe, pilot: PilotFacts) -> Iterator[ForecastPart]:
    for iteration, prompts in zip((ACTOR, REFINER), init_prompts(recipe), strict=True):
        if recipe.init is not None and not is_given(recipe, iteration):
            yield _part(pilot, iteration, pilot.initial[iteration].prompts, prompts)
    yield _part(pilot, FIRST, pilot.prompts, recipe.prompts.per_iteration)


def _part(pilot: PilotFacts, iteration: int, mine: Sequence[Prompt], prompts: int) -> ForecastPart:
    calls = [call for call in pilot.calls if call.kind != EVALUATION and iteration_of(call.kind) == iteration]
    called = {call.unit for call in calls}
    kinds = tuple(dict.fromkeys(call.kind for call in calls))
    return ForecastPart(
        iteration=iteration,
        units=tuple(prompt.id for prompt in mine if prompt.id in called),
        kinds=kinds,
        prompts=prompts,
    )
