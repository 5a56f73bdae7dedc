"""The operations page names every alert rule, every event and every check, and none that is not."""

import re

import pytest
import yaml

from spar.cli.main import COMMANDS
from spar.messages.event_names import EventName
from spar.messages.states import RunStatus
from spar.upkeep.findings import Check
from tests.unit.deploy.files import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
WRITTEN = re.compile(r"\bEventName\.([A-Z_]+)")


def rows(heading: str) -> list[tuple[set[str], str, str]]:
    """Of the table in a section: the names in the first cell, and the other two."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return [(set(re.findall(r"`(\w+)`", names)), what.strip(), fix.strip()) for names, what, fix in cells]


def named(heading: str) -> set[str]:
    return set().union(*(names for names, _, _ in rows(heading)))


def test_alarms_are_those_of_the_rules() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    assert named("Alarms") == {rule["alert"] for group in groups for rule in group["rules"]}


def test_events_are_those_that_the_coordinator_writes() -> None:
    sources = [path.read_text() for path in (ROOT / "services" / "coordinator").rglob("*.py")]
    written = {EventName[name] for source in sources for name in WRITTEN.findall(source)}
    ends = {EventName(f"run_{status}") for status in RunStatus if status.ended}
    assert written | ends == set(EventName)
    assert named("Events") == set(EventName)


def test_checks_are_those_of_doctor() -> None:
    """The schema is checked before the others, and told apart."""
    assert named("Doctor") == {check.value for check in Check} - {"schema"}


@pytest.mark.parametrize("heading", ["Alarms", "Events", "Doctor"])
def test_every_line_says_what_it_means_and_what_to_do(heading: str) -> None:
    assert rows(heading)
    assert all(what and fix for _, what, fix in rows(heading))


def test_the_commands_of_the_page_are_there() -> None:
    named = set(re.findall(r"(?:^|`)spar ([a-z]+)", PAGE, re.MULTILINE))
    assert len(named) > 5
    assert named <= set(COMMANDS)
