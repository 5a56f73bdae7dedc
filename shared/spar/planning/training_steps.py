"""How many optimizer steps the run's trainings have, in proportion to what a pilot selected. Arithmetic alone."""

from collections.abc import Mapping

from spar.planning.pilot import PilotFacts
from spar.recipes.init import ACTOR, FIRST, NAMES, REFINER, init_prompts, role_of
from spar.recipes.iteration_settings import IterationSettings, settings_in
from spar.recipes.models import Recipe, TrainingSettings


def selfplay_steps(recipe: Recipe, pilot: PilotFacts, units: int) -> dict[str, int]:
    """Of one iteration, by role; a recipe's caps on pairs and examples hold."""
    settings = settings_in(recipe, FIRST)
    if not settings.training.trains:
        return {}
    share = recipe.prompts.per_iteration / units
    pairs = min(pilot.pairs * share, settings.selection.max_pairs or float("inf"))
    steps = {"actor": _steps(pairs, settings.training.actor)}
    examples = _capped(settings, pilot.examples, share)
    if examples and settings.refiner_fate == "trained":
        steps["refiner"] = _steps(examples, settings.training.refiner)
    return steps


def init_steps(recipe: Recipe, pilot: PilotFacts) -> dict[int, int]:
    """Of the starting models, by iteration; a given set was trained on whole, and is not among them.

    (Beside another set for one model it is left out: its size is not known here.)
    """
    if recipe.init is None:
        return {}
    prompts = {role: number for role, number in zip(("actor", "refiner"), init_prompts(recipe), strict=True) if number}
    rows = {
        iteration: _capped(
            settings_in(recipe, iteration), seen.rows, prompts[str(role_of(iteration))] / len(seen.prompts)
        )
        for iteration, seen in pilot.initial.items()
        if seen.prompts
    }
    if recipe.models.shared and REFINER in rows:  # one model is made of both sets
        rows[REFINER] += rows.get(ACTOR, 0.0)
    return {
        iteration: _steps(number, getattr(recipe.init, str(role_of(iteration)))) for iteration, number in rows.items()
    }


def steps_told(selfplay: Mapping[str, int], before: Mapping[int, int]) -> dict[str, int]:
    """All of them by name: a role's in each iteration, a starting model's once."""
    return {**{NAMES[iteration]: steps for iteration, steps in before.items()}, **selfplay}


def _capped(settings: IterationSettings, rows: Mapping[str, int], share: float) -> float:
    caps: dict[str, float] = settings.selection.refiner.model_dump()
    return sum(min(found * share, caps.get(kind, float("inf"))) for kind, found in rows.items())


def _steps(samples: float, settings: TrainingSettings) -> int:
    return round(-(-samples // settings.batch_size)) * settings.epochs
