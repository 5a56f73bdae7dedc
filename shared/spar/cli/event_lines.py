"""A run as lines for a terminal: its events, and how much of its budget is spent.

Alarms are sentences with cause and fix; each error is written in full once. Knows no display and no tables.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from spar.messages.event_names import EventName
from spar.recipes.init import FIRST, iteration_name
from spar.recipes.spending import BudgetLine, quantity, usage_text

ALARMS = frozenset({EventName.RUN_STUCK, EventName.RUN_UNSTUCK, EventName.CIRCUIT_OPENED, EventName.CIRCUIT_CLOSED})
"""What bars cannot show."""
QUIET = frozenset({EventName.RUN_QUEUED, EventName.CIRCUIT_REOPENED})
ENDS = frozenset({EventName.RUN_FAILED, EventName.RUN_STOPPED})
"""Why the run ended, and what to do, is printed after the display closes."""
ERRORS = ("error", "reason")
AS_BEFORE = "(as before)"


class EventLines:
    """Formats the events of one run, in order."""

    def __init__(self) -> None:
        self._written: set[str] = set()

    def line(self, name: str, fields: Mapping[str, Any]) -> str:
        """One line of text for an event: alarms in words, anything else as its name with its fields."""
        match name:
            case EventName.RUN_STUCK:
                return f"stuck: {fields['what'].rstrip('.')}. {fields['fix']}"
            case EventName.CIRCUIT_OPENED:
                self._written.add(fields["error"])
                kind, error, wait_s = fields["step_kind"], fields["error"].rstrip("."), fields["wait_s"]
                return f"alarm: {kind} steps are paused: {error}. They are retried for up to {wait_s:g} s."
            case EventName.CIRCUIT_CLOSED:
                return f"alarm over: {fields['step_kind']} steps run again, after {fields['seconds']:g} s"
        shown = {key: self._shown(key, value) for key, value in fields.items() if value is not None}
        words = [] if name in ENDS else [f"{key}={value}" for key, value in shown.items()]
        return " ".join([name.replace("_", " "), *words])

    def _shown(self, key: str, value: Any) -> Any:
        if key == "iteration" and value < FIRST:
            return iteration_name(value).replace(" ", "_")
        if key not in ERRORS or " " not in str(value):
            return value
        if any(value in earlier or earlier in value for earlier in self._written):
            return AS_BEFORE
        self._written.add(value)
        return value


STEPS = 10
"""A plain log reports a cap whenever another tenth of it is used."""


def spent_line(burn: Sequence[BudgetLine]) -> str:
    """Such as `spent: 1,204 of 2,000 calls, 98,211 tokens, 0.05 hours`; empty before anything is spent."""
    shown = [usage_text(each) for each in burn if each.spent or each.cap is not None]
    return f"spent: {', '.join(shown)}" if shown else ""


def caps(burn: Sequence[BudgetLine]) -> list[BudgetLine]:
    return [each for each in burn if each.cap is not None]


class TenthsReporter:
    """Remembers how many tenths of each cap have been reported."""

    def __init__(self) -> None:
        self._reported: dict[str, int] | None = None

    def news(self, burn: Sequence[BudgetLine]) -> list[str]:
        """A line for each cap of which another tenth is used; the first call only sets the baseline."""
        now = {each.name: int(STEPS * each.spent / each.cap) if each.cap else STEPS for each in caps(burn)}
        before, self._reported = self._reported, now
        if before is None:
            return []
        return [_left(each) for each in caps(burn) if now[each.name] > before.get(each.name, 0)]


def _left(burn: BudgetLine) -> str:
    left = max(0.0, (burn.cap or 0) - burn.spent)
    return f"budget: {usage_text(burn)}, {quantity(burn, left)} left"
