"""The limits of a forecast, as notes to the user. Computes nothing."""

from collections.abc import Iterator, Sequence

from spar.planning.call_estimates import CallEstimate
from spar.planning.parts import ForecastPart
from spar.planning.pilot import PilotFacts
from spar.planning.stage_weights import begun_later
from spar.recipes.init import ACTOR, FIRST, REFINER, init_prompts, is_given, iteration_name
from spar.recipes.models import Recipe


def notes_of(
    recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart], benchmarks: CallEstimate, hours_known: bool
) -> Iterator[str]:
    """What a forecast assumes or leaves out, one sentence each."""
    units = len(parts[-1].units)
    if recipe.iterations > 1:
        yield "Every iteration is assumed to be like the first; a better actor leaves less to refine."
    if recipe.init is not None:
        yield from _on_starting_models(recipe, pilot, parts)
    if units < len(pilot.prompts):
        yield f"{len(pilot.prompts) - units} of the pilot's prompts already had results: {units} were observed."
    if not pilot.trained and (recipe.training.trains or recipe.init is not None):
        of = "" if recipe.init is None else " of self-play"
        yield f"The hours exclude trainings{of}: with --train the pilot trains too."
    if any(each.step_s is None for each in pilot.trainings):
        yield "A training of the pilot was too short to separate its steps from loading: trainings will take longer."
    if benchmarks.most:
        yield (
            f"Benchmarks are not included: {benchmarks.least:,} to {benchmarks.most:,} further calls, as estimated by "
            "`spar plan`."
        )
    if recipe.stages:
        yield "The recipe has stages: later ones are scaled in proportion to the estimates of `spar plan`."
    for kind, calls in begun_later(recipe).items():
        number = f"{calls.least:,} to {calls.most:,} further calls"
        yield f"{kind} begins after the first iteration: {number}, as estimated by `spar plan`."
    if not hours_known:
        yield "No call of the pilot completed: the hours are unknown."


def _on_starting_models(recipe: Recipe, pilot: PilotFacts, parts: Sequence[ForecastPart]) -> Iterator[str]:
    seen = {part.iteration for part in parts}
    for iteration, prompts in zip((ACTOR, REFINER), init_prompts(recipe), strict=True):
        if prompts and iteration not in seen:
            yield f"The pilot found all results of {iteration_name(iteration)}: their cost is not in the forecast."
    small = [
        f"{len(pilot.initial[iteration].prompts):,} prompts instead of {prompts:,} ({iteration_name(iteration)})"
        for iteration, prompts in zip((ACTOR, REFINER), init_prompts(recipe), strict=True)
        if prompts and not is_given(recipe, iteration)
    ]
    if small and FIRST in seen:
        yield (
            f"The pilot's starting models were made from {' and '.join(small)}: better ones leave less to refine, and "
            "the run trains its own."
        )
    teacher = recipe.init.teacher if recipe.init is not None else None
    if teacher is not None and teacher.engine is not None and REFINER in seen:
        yield "Where the teacher judges while the new actor responds, the hours count the slower of the two."
