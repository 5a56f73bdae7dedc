"""Changes the sections of an existing run that can change, since they affect no result.

Reads no file; knows nothing of resuming.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from spar.errors import RecipeError
from spar.recipes.models import BudgetSettings, FailureSettings, GuardSettings, Section
from spar.recipes.override import apply_overrides
from spar.recipes.problems import Problem, from_validation, raise_for
from spar.recipes.source import YamlSource

SECTIONS: Mapping[str, type[Section]] = {
    "budget": BudgetSettings,
    "failures": FailureSettings,
    "guards": GuardSettings,
}
"""The only sections of an existing run that can change."""


@dataclass(frozen=True, slots=True)
class ChangedSections:
    """The changed sections; None: unchanged."""

    budget: BudgetSettings | None = None
    failures: FailureSettings | None = None
    guards: GuardSettings | None = None


UNCHANGED = ChangedSections()


def changed_sections(recipe: Mapping[str, Any], overrides: Sequence[str]) -> ChangedSections:
    """The run's sections with changes such as `budget.KEY=VALUE`. Raises RecipeError."""
    wanted = {text.partition("=")[0].split(".")[0].strip(): text for text in overrides}
    for name, text in wanted.items():
        if name not in SECTIONS:
            raise RecipeError(
                f"--set {text} would make another run: only budget.*, failures.* and guards.* can change when one "
                "is resumed.",
                "Give it to `spar run RECIPE --dir DIR`: the new run reuses every result that the change leaves alone.",
            )
    source = YamlSource({name: copy.deepcopy(dict(recipe.get(name) or {})) for name in wanted})
    apply_overrides(source, overrides)
    problems, found = list(source.problems), {}
    for name in wanted:
        found[name], wrong = _validated(name, source.data[name])
        problems += wrong
    raise_for("The change", problems, source.places)
    return ChangedSections(**found)


def _validated(name: str, data: Any) -> tuple[Any, list[Problem]]:
    model = SECTIONS[name]
    try:
        section = model.model_validate(data)
    except ValidationError as error:
        found = from_validation(error, model)
        return model(), [Problem(keys=(name, *each.keys), what=each.what, fix=each.fix) for each in found]
    return section, list(money_problems(section)) if isinstance(section, BudgetSettings) else []


def money_problems(budget: BudgetSettings) -> Sequence[Problem]:
    """The problem of a cap on money that can never be reached."""
    if budget.money is None or not budget.price.free:
        return ()
    what = f"is {budget.money:g}, but everything is free: it would never be reached"
    fix = "Add budget.price, such as {hour: 2.5} or {completion_million: 0.6}."
    return (Problem(keys=("budget", "money"), what=what, fix=fix),)
