"""Guards of a recipe: what passes, warns and fails by its bounds, and that they identify nothing."""

import pytest

from spar.method.guards import Figure, Guard
from spar.recipes.guards import Mark, beyond, findings, fix, reason
from spar.recipes.load import load_recipe
from spar.recipes.models import GuardSettings, Recipe
from spar.recipes.rebudget import changed_sections
from spar.recipes.resolve import recipe_fingerprint

STOPS = {Guard.SAME, Guard.EMPTY, Guard.IDS}


def settings(**changes: object) -> GuardSettings:
    return GuardSettings.model_validate(changes)


def marks(figures: dict[Guard, Figure], **changes: object) -> dict[Guard, Mark]:
    return {each.guard: each.mark for each in findings(figures, settings(**changes))}


@pytest.mark.parametrize("guard", Guard)
def test_each_guard_has_an_action_and_a_bound(guard: Guard) -> None:
    most = getattr(settings(), f"{guard}_most")
    at, above = (marks({guard: Figure(value=value, rows=100)}) for value in (most, most + 0.01))
    assert (at, above) == ({guard: Mark.PASS}, {guard: Mark.FAIL if guard in STOPS else Mark.WARN})
    assert marks({guard: Figure(value=most + 0.01, rows=100)}, **{guard.value: "off"}) == {}
    [finding] = findings({guard: Figure(value=most + 0.01, rows=100)}, settings())
    assert f"guards.{guard}_most is {most:g}" in str(finding)


def test_what_was_measured_over_nothing_is_not_judged() -> None:
    assert findings({Guard.LENGTH_GAP: Figure(value=9.0, rows=0)}, settings()) == ()
    assert findings({}, settings()) == ()


def test_a_stopped_run_says_which_guards_and_how_to_accept_the_rows() -> None:
    figures = {Guard.SAME: Figure(value=0.5, rows=10), Guard.EMPTY: Figure(value=0.0, rows=10)}
    failed = beyond(findings(figures, settings()), Mark.FAIL)
    assert reason("iteration 2", failed) == (
        "guards: iteration 2 is not trained on: pairs whose chosen and rejected are the same text: 50.0% of 10, but "
        "guards.same_most is 0"
    )
    assert fix(failed).endswith("or accept them with guards.same=warn.")


def test_guards_identify_no_run_and_are_not_written_while_they_are_the_defaults() -> None:
    plain, guarded = load_recipe("demo", []), load_recipe("demo", ["guards.labels=stop", "guards.labels_most=0.8"])
    assert recipe_fingerprint(plain) == recipe_fingerprint(guarded)
    assert "guards" not in plain.model_dump()
    assert Recipe.model_validate(guarded.model_dump()).guards == settings(labels="stop", labels_most=0.8)


def test_a_run_that_is_there_takes_others() -> None:
    changed = changed_sections({"guards": {"labels": "stop"}}, ["guards.same=warn"])
    assert changed.guards == settings(labels="stop", same="warn")
    assert changed.budget is None
