"""Of a run that is there only the budget can change, and a cap that could never be reached is told."""

import pytest

from spar.errors import RecipeError
from spar.recipes.models import BudgetSettings, FailureSettings
from spar.recipes.rebudget import UNCHANGED, changed_sections

RECIPE = {"name": "demo", "budget": {"calls": 10, "price": {"hour": 2.0}}}


def test_changes_are_made_over_what_is_there() -> None:
    found = changed_sections(RECIPE, ["budget.calls=50", "budget.price.completion_million=0.6"]).budget
    assert found == BudgetSettings.model_validate({"calls": 50, "price": {"hour": 2.0, "completion_million": 0.6}})
    assert RECIPE["budget"] == {"calls": 10, "price": {"hour": 2.0}}


def test_the_teachers_price_can_be_told_later() -> None:
    found = changed_sections(RECIPE, ["budget.price.teacher.prompt_million=3.0"]).budget
    assert found is not None
    assert found.price.teacher is not None
    assert (found.price.hour, found.price.teacher.prompt_million) == (2.0, 3.0)


def test_nothing_asked_changes_nothing() -> None:
    assert changed_sections(RECIPE, []) == UNCHANGED


def test_a_cap_can_be_taken_away() -> None:
    found = changed_sections(RECIPE, ["budget.calls=null"]).budget
    assert found is not None
    assert found.calls is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("seed=1", "only budget"),
        ("budget.call=5", "Did you mean 'calls'"),
        ("budget.calls=many", "a whole number"),
        ("budget=3", "budget"),
    ],
)
def test_what_cannot_be_is_told(change: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        changed_sections(RECIPE, [change])
    assert told in str(caught.value)


def test_the_failures_that_are_accepted_can_change() -> None:
    changed = changed_sections(RECIPE, ["failures.most=0.5", "failures.canary=false"])
    assert changed.failures == FailureSettings(most=0.5, canary=False)
    assert changed.budget is None
    with pytest.raises(RecipeError, match="most"):
        changed_sections(RECIPE, ["failures.most=2"])


def test_money_needs_a_price() -> None:
    assert changed_sections(RECIPE, ["budget.money=5"]).budget is not None
    with pytest.raises(RecipeError, match="everything is free"):
        changed_sections({"name": "demo"}, ["budget.money=5"])
