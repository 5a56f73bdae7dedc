"""Events that older versions stored are read under today's names."""

from pathlib import Path

import pytest

from spar.messages.event_names import RENAMED, EventName, event_name, stored_names
from spar.messages.states import RunStatus


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_is_read_as_todays(old: str, new: EventName) -> None:
    assert event_name(old, {"step": 1}) == new
    assert old in stored_names(new)
    assert old not in list(EventName)  # else it would mean two things


def test_a_failed_attempt_of_an_older_version_is_told_from_a_step_that_failed_for_good() -> None:
    assert event_name("step_failed", {"step": 1, "attempt": 2, "error": "no"}) == EventName.ATTEMPT_FAILED
    assert event_name("step_failed", {"step": 1, "reason": "no"}) == EventName.STEP_FAILED
    assert event_name("step_died", {"step": 1, "reason": "no"}) == EventName.STEP_FAILED


@pytest.mark.parametrize("name", ["run_started", "run_failed", "a_newer_versions"])
def test_other_names_stay(name: str) -> None:
    assert event_name(name, {}) == name


def test_each_end_of_a_run_has_an_event() -> None:
    assert all(EventName(f"run_{status}") for status in RunStatus if status.ended)


def test_each_event_is_explained() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [name.value for name in EventName if f"`{name}`" not in page] == []
