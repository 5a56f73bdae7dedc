"""What a forecast cannot see, as its user is told. Counts nothing."""

from collections.abc import Iterator, Sequence

from spar.planning.asked import CallEstimate
from spar.planning.parts import ForecastPart
from spar.planning.pilot import PilotFacts
from spar.planning.stage_weights import begun_later
from spar.recipes.init import ACTOR, FIRST, REFINER, init_prompts, is_given, iteration_name
from spar.recipes.models import Recipe


def notes_of(
    recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart], benchmarks: CallEstimate, hours_known: bool
) -> Iterator[str]:
    """What a forecast assumes or leaves out, a sentence each."""
    units = len(parts[-1].units)
    if recipe.iterations > 1:
        yield "Every iteration is taken to be as the first; a better actor leaves less to refine."
    if recipe.init is not None:
        yield from _on_starting_models(recipe, pilot, parts)
    if units < len(pilot.prompts):
        yield f"{len(pilot.prompts) - units} of the pilot's prompts had results already: it saw {units}."
    if not pilot.trained and (recipe.training.trains or recipe.init is not None):
        of = "" if recipe.init is None else " of self-play"
        yield f"The hours are without trainings{of}: --train has the pilot train too."
    if any(each.step_s is None for each in pilot.trainings):
        yield "A training of the pilot was too short to tell its steps from loading: trainings will take longer."
    if benchmarks.most:
        yield (
            f"Benchmarks beside the evaluation are not in it: {benchmarks.least:,} to {benchmarks.most:,} calls more, "
            "as `spar plan` counts them."
        )
    if recipe.stages:
        yield "The recipe has stages: those of later iterations are taken in proportion to what `spar plan` counts."
    for kind, asked in begun_later(recipe).items():
        yield f"{kind} begins after the first iteration: {asked.least:,} to {asked.most:,} calls more, by `spar plan`."
    if not hours_known:
        yield "No call came to its end in the pilot: the hours are not known."


def _on_starting_models(recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart]) -> Iterator[str]:
    seen = {part.iteration for part in parts}
    for iteration, prompts in zip((ACTOR, REFINER), init_prompts(recipe), strict=True):
        if prompts and iteration not in seen:
            yield f"The pilot found all results of {iteration_name(iteration)}: what they took is not in the forecast."
    small = [
        f"{len(pilot.initial[iteration].prompts):,} prompts instead of {prompts:,} ({iteration_name(iteration)})"
        for iteration, prompts in zip((ACTOR, REFINER), init_prompts(recipe), strict=True)
        if prompts and not is_given(recipe, iteration)
    ]
    if small and FIRST in seen:
        yield (
            f"The pilot's starting models were made from {' and '.join(small)}: better ones leave less to refine, and "
            "the run makes its own."
        )
    teacher = recipe.init.teacher if recipe.init is not None else None
    if teacher is not None and teacher.engine is not None and REFINER in seen:
        yield "Where the teacher judges while the new actor responds, the slower of the two is taken for the hours."
