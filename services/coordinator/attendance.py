"""When the coordinator itself was absent: a suspended laptop, a paused machine, a database or a broker out of reach.

Silence that nobody could hear is no sign of a loss. After an absence, silence counts from the return on, and not
before the reports that were waiting by then have been read. Pure; knows no clock and no queue.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True, kw_only=True)
class Attendance:
    """`within`: a longer time between two looks is an absence. A new process was absent so far, for all it knows."""

    within: timedelta
    since: datetime | None = None
    """Since when silence counts; None: it does not count yet."""
    _looked: datetime | None = None
    _unread: int | None = None

    def absent_for(self, now: datetime) -> timedelta | None:
        """How long nobody looked, if that was an absence; zero for a process that has just begun."""
        if self._looked is None:
            return timedelta(0)
        away = now - self._looked
        return away if away > self.within else None

    def returned(self, unread: int) -> None:
        """So many reports wait to be read before anything may count as lost."""
        self.since, self._unread = None, unread

    def read(self) -> None:
        """A report was booked."""
        if self._unread:
            self._unread -= 1

    def looked(self, now: datetime, waiting: bool) -> None:
        """A look came to its end. `waiting`: reports wait in the queue; with none there, all have been read."""
        self._looked = now
        if self.since is None and (not self._unread or not waiting):
            self.since, self._unread = now, None

    @property
    def judges(self) -> bool:
        """Whether silence may count as loss."""
        return self.since is not None
