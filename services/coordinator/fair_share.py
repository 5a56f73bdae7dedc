"""How concurrent runs share the dispatch window: pure arithmetic over how much each has and may have.

Every run gets an even part of it, as far as it can use one; what one leaves goes to the others. Knows no steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A run's shard steps, and the most that its recipe allows in flight."""

    run_id: str
    in_flight: int
    ready: int
    window: int

    @property
    def wanted(self) -> int:
        return min(self.window, self.in_flight + self.ready)


def even_parts(wanted: Sequence[int], room: int) -> list[int]:
    """No run gets more than it wants, nor less than another that wants more; the first ones get what cannot be
    divided."""
    parts = [0] * len(wanted)
    hungry = [place for place, want in enumerate(wanted) if want > 0]
    while room > 0 and hungry:
        each = max(1, room // len(hungry))
        for place in hungry[:room]:
            more = min(each, wanted[place] - parts[place])
            parts[place] += more
            room -= more
        hungry = [place for place in hungry if parts[place] < wanted[place]]
    return parts


def window_of(run_id: str, loads: Sequence[Load], window: int) -> int:
    """How many shard steps of the run may be in flight now; `loads` are those of the running runs, the next to be
    served first.

    The run itself may still prepare steps, so it is assumed to want all that it may have.
    """
    places = [load.run_id for load in loads]
    if run_id not in places:
        return window
    mine = places.index(run_id)
    wanted = [load.window if place == mine else load.wanted for place, load in enumerate(loads)]
    return min(even_parts(wanted, window)[mine], window - in_flight_of_others(run_id, loads))


def in_flight_of_others(run_id: str, loads: Sequence[Load]) -> int:
    return sum(load.in_flight for load in loads if load.run_id != run_id)
