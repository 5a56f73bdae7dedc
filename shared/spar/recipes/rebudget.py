"""Changes the budget of a run that is there: the one section that can, for it decides no result.

Reads no file; knows nothing of what going on with the run means.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from spar.errors import RecipeError
from spar.recipes.models import BudgetSettings
from spar.recipes.override import apply_overrides
from spar.recipes.problems import Problem, from_validation, raise_for
from spar.recipes.source import Source

SECTION = "budget"


def changed_budget(recipe: Mapping[str, Any], overrides: Sequence[str]) -> BudgetSettings | None:
    """The run's budget with `budget.KEY=VALUE` changes; None if nothing is asked. Raises RecipeError."""
    if not overrides:
        return None
    for text in overrides:
        if text.partition("=")[0].split(".")[0].strip() != SECTION:
            raise RecipeError(
                f"--set {text} would make another run: only budget.* can change when one goes on.",
                "Give it to `spar run RECIPE --dir DIR`: the new run reuses all that the change doesn't touch.",
            )
    source = Source({SECTION: copy.deepcopy(dict(recipe.get(SECTION) or {}))})
    apply_overrides(source, overrides)
    budget, problems = _validated(source.data[SECTION])
    raise_for("The budget", [*source.problems, *problems], source.places)
    return budget


def _validated(data: Any) -> tuple[BudgetSettings, list[Problem]]:
    try:
        budget = BudgetSettings.model_validate(data)
    except ValidationError as error:
        found = from_validation(error, BudgetSettings)
        return BudgetSettings(), [Problem((SECTION, *each.keys), each.what, each.fix) for each in found]
    return budget, list(money_problems(budget))


def money_problems(budget: BudgetSettings) -> Sequence[Problem]:
    """A cap on money that could never be reached."""
    if budget.money is None or not budget.price.free:
        return ()
    what = f"is {budget.money:g}, but everything is free: it would never be reached"
    fix = "Add budget.price, such as {hour: 2.5} or {completion_million: 0.6}."
    return (Problem((SECTION, "money"), what, fix),)
