"""Which engines are ill: a failing engine pauses its step kind instead of failing ten thousand rows.

After a failure nothing of that kind is dispatched for a pause; then a few probes are. Each failed probe doubles the
pause; a success ends it. An engine that has failed for longer than the run waits is given up. Knows nothing of steps.
"""

from datetime import datetime, timedelta

from spar.messages.base import StepKind

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
PROBES = 1


class EngineHealth:
    """Remembered by one process only: a new coordinator finds out anew."""

    def __init__(self) -> None:
        self._strikes: dict[StepKind, int] = {}
        self._since: dict[StepKind, datetime] = {}
        self._until: dict[StepKind, datetime] = {}

    def failed(self, kind: StepKind, now: datetime, wait: timedelta) -> bool:
        """Note a failure; True when the engine has failed for `wait`. Those within a pause were in flight already."""
        if now < self._until.get(kind, now):
            return False
        strikes = self._strikes[kind] = self._strikes.get(kind, 0) + 1
        self._until[kind] = now + min(FIRST_PAUSE * 2 ** (strikes - 1), LONGEST_PAUSE)
        if now - self._since.setdefault(kind, now) >= wait:
            self.recovered(kind)
            return True
        return False

    def recovered(self, kind: StepKind) -> None:
        self._strikes.pop(kind, None)
        self._since.pop(kind, None)
        self._until.pop(kind, None)

    def sick(self, now: datetime) -> dict[StepKind, int]:
        """How many steps of each ill kind may be in flight now."""
        return {kind: 0 if now < until else PROBES for kind, until in self._until.items()}
