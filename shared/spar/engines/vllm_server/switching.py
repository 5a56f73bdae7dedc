"""When a server changes: a pure function from the present state to what to do now, and when to decide again.

Three rules. A model in demand stays served while others wait, up to `patience_s`. Once it has had no call for
`linger_s`, the model waiting longest has its turn: the calls of one tree follow each other with gaps, and a switch
costs minutes. A server without a call for `idle_s` stops, at once if this process wants its GPUs. Times are in seconds
of any one clock.
"""

from dataclasses import dataclass
from enum import Enum


class Move(Enum):
    STAY = "stay"
    DRAIN = "drain"
    """Admit no further call; those in flight finish."""
    START = "start"
    """Stop the server if there is one, and start one for the call that waits longest."""
    STOP = "stop"
    """Stop the server and release its GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    patience_s: float = 600.0
    idle_s: float = 60.0
    linger_s: float = 2.0
    starts: int = 3
    """Starts and crashes in a row until the calls that wait fail."""
    first_back_off_s: float = 1.0
    longest_back_off_s: float = 30.0

    def back_off(self, failures: int) -> float:
        """Seconds to wait before the start after so many failures in a row; none before the first."""
        return min(self.longest_back_off_s, self.first_back_off_s * 2 ** (failures - 1)) if failures else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchState:
    """`waiting_since`: when the longest waiting call that the server cannot serve arrived; None if there is none."""

    alive: bool
    draining: bool = False
    in_flight: int = 0
    ready_since: float = 0.0
    quiet_since: float = 0.0
    waiting_since: float | None = None
    wanted: bool = False
    """Another part of this process waits for the GPUs."""


@dataclass(frozen=True, slots=True)
class Decision:
    move: Move
    look_again_s: float | None = None
    """Seconds until time alone changes the decision; None: only an event does."""


def decide(now: float, standing: SwitchState, policy: Policy) -> Decision:
    if not standing.alive:
        return Decision(Move.STAY if standing.waiting_since is None else Move.START)
    if standing.waiting_since is not None:
        return _others_wait(now, standing, standing.waiting_since, policy)
    if standing.in_flight:
        return Decision(Move.STAY)
    idle_until = standing.quiet_since + (policy.linger_s if standing.wanted else policy.idle_s)
    return Decision(Move.STOP) if now >= idle_until else Decision(Move.STAY, idle_until - now)


def _others_wait(now: float, standing: SwitchState, since: float, policy: Policy) -> Decision:
    patient_until = max(since, standing.ready_since) + policy.patience_s
    if standing.in_flight:
        if standing.draining:
            return Decision(Move.STAY)
        return Decision(Move.DRAIN) if now >= patient_until else Decision(Move.STAY, patient_until - now)
    quiet_until = min(standing.quiet_since + policy.linger_s, patient_until)
    if standing.draining or now >= quiet_until:
        return Decision(Move.START)
    return Decision(Move.STAY, quiet_until - now)
