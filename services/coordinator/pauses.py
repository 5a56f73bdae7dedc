"""How long to wait before a retry: twice as long each time, up to a bound."""

from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
_MOST_DOUBLINGS = 10
"""More than the bound needs; without it a fault that lasts for an hour would double beyond what a timedelta holds."""


def pause_after(tries: int) -> timedelta:
    """After so many failed tries, at least one."""
    return min(FIRST_PAUSE * (1 << min(max(tries, 1) - 1, _MOST_DOUBLINGS)), LONGEST_PAUSE)
