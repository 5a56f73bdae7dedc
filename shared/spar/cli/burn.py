"""What a run has spent, as the command line tells it: one line, and a line or a bar for each cap."""

from collections.abc import Sequence

from spar.recipes.spending import BudgetLine, quantity, told

STEPS = 10
"""A plain log tells of a cap each time another tenth of it is used up."""


def spent_line(burn: Sequence[BudgetLine]) -> str:
    """Such as `spent: 1,204 of 2,000 calls, 98,211 tokens, 0.05 hours`; empty before anything is."""
    shown = [told(each) for each in burn if each.spent or each.cap is not None]
    return f"spent: {', '.join(shown)}" if shown else ""


def caps(burn: Sequence[BudgetLine]) -> list[BudgetLine]:
    return [each for each in burn if each.cap is not None]


class TenthsReporter:
    """Remembers how many tenths of each cap have been told."""

    def __init__(self) -> None:
        self._told: dict[str, int] | None = None

    def news(self, burn: Sequence[BudgetLine]) -> list[str]:
        """A line for each cap of which another tenth is used up; what was so at the first look is old."""
        now = {each.name: int(STEPS * each.spent / each.cap) if each.cap else STEPS for each in caps(burn)}
        before, self._told = self._told, now
        if before is None:
            return []
        return [_left(each) for each in caps(burn) if now[each.name] > before.get(each.name, 0)]


def _left(burn: BudgetLine) -> str:
    left = max(0.0, (burn.cap or 0) - burn.spent)
    return f"budget: {told(burn)}, {quantity(burn, left)} left"
