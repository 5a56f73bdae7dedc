"""When the coordinator itself was absent: a suspended laptop, a paused machine, an unreachable database or broker.

While the coordinator could not receive reports, silence is no sign of a lost attempt. After an absence it counts from
the return on, and not before the reports that were waiting by then have been read. Pure; knows no clock and no queue.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True, kw_only=True)
class Attendance:
    """`within`: a longer time between two checks is an absence. A new process counts as absent until its first
    check."""

    within: timedelta
    since: datetime | None = None
    """Since when silence counts; None: it does not count yet."""
    _looked: datetime | None = None
    _unread: int | None = None

    def absent_for(self, now: datetime) -> timedelta | None:
        """How long nothing was checked, if that was an absence; zero for a process that has just started."""
        if self._looked is None:
            return timedelta(0)
        away = now - self._looked
        return away if away > self.within else None

    def returned(self, unread: int) -> None:
        """How many reports are to be read before an attempt may count as lost."""
        self.since, self._unread = None, unread

    def read(self) -> None:
        """A report was handled."""
        if self._unread:
            self._unread -= 1

    def looked(self, now: datetime, waiting: bool) -> None:
        """A check is done. `waiting`: reports wait in the queue; with none there, all have been read."""
        self._looked = now
        if self.since is None and (not self._unread or not waiting):
            self.since, self._unread = now, None

    @property
    def judges(self) -> bool:
        """Whether silence may count as a loss."""
        return self.since is not None
