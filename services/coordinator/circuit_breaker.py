"""Circuit breakers: a fault of the environment pauses a kind of step instead of failing ten thousand rows.

A breaker opens when an engine or a service is unavailable, when the same error repeats word for word over several steps
in a row, or when a step would fail for good although no step of its kind has succeeded since it last failed. While it
is open, nothing of the kind is dispatched except, after a pause, a probe. Each failed probe doubles the pause; a
success closes the breaker. Knows nothing of what a step computes, and no tables.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.coordinator.pauses import LONGEST_PAUSE, pause_after
from spar.messages.base import StepKind
from spar.messages.coordinator import FailureReason

PROBES = 1
REPEATS = 3
"""Steps in a row with the same error: two may have the same fault in their data, more rarely do."""
ACQUITTALS = 2
"""Failures of a step, each followed by another step's success, after which the next is its own."""
UNPROVEN_WAIT = timedelta(seconds=30)
"""A run in which nothing has succeeded yet is more likely misconfigured than unlucky: its user is waiting for the
answer."""
QUIET = LONGEST_PAUSE
"""A breaker that opens again within this time after the same error raises no second alarm."""

UNAVAILABLE = frozenset({FailureReason.ENGINE_UNAVAILABLE, FailureReason.SERVICE, FailureReason.STORE})
"""Never a fault of the step: one failure opens the breaker."""
OF_DATA = frozenset({FailureReason.DATA, FailureReason.CONVERSATION_TOO_LONG, FailureReason.PROMPT_REFUSED})
"""Never a fault of the environment."""
OF_SETTINGS = frozenset(
    {
        FailureReason.ENGINE,
        FailureReason.REQUEST_REFUSED,
        FailureReason.MODEL_UNUSABLE,
        FailureReason.TEMPLATE_REFUSED,
        FailureReason.PACKAGE_MISSING,
        FailureReason.RECIPE,
        FailureReason.HOME,
    }
)
"""A wrong key, name, address or host is wrong for every step: one step that would fail for good is enough."""

BREAKABLE = frozenset(
    {StepKind.GENERATION, StepKind.JUDGMENT, StepKind.COMPARISON, StepKind.REFINEMENT, StepKind.EVALUATION}
)
"""A selection or a training that fails for good fails the run, which loses nothing: it can be resumed."""

_IDENTIFIER = re.compile(r"\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F-]{8,}\b")
"""Part of a request or a trace: different in each copy of an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An attempt of `step` failed; `last`: its recipe allows no other. `proven`: such a step has succeeded in the
    run."""

    kind: StepKind
    step: int
    reason: FailureReason
    error: str
    last: bool
    proven: bool


class Blame(StrEnum):
    """Whose fault a failure is, and what follows."""

    STEP = "step"  # the step's own: it is charged
    OPENED = "opened"  # the environment's, and the breaker has just opened
    PAUSED = "paused"  # the environment's, and the breaker is open already
    GIVEN_UP = "given_up"  # the environment's, for longer than the run waits


@dataclass(slots=True, kw_only=True)
class _Circuit:
    """`failures` counts the attempts by step of the same error since the last success; times are None while closed."""

    words: str = ""
    reason: FailureReason | None = None
    failures: dict[int, int] = field(default_factory=dict)
    strikes: int = 0
    opened: datetime | None = None
    until: datetime | None = None


class CircuitBreakers:
    """One for each kind of one run's steps. Kept in one process only: a new coordinator starts with closed breakers."""

    def __init__(self) -> None:
        self._circuits: dict[StepKind, _Circuit] = {}
        self._quiet: dict[str, datetime] = {}
        """By error: until when its return raises no alarm."""
        self._acquittals: Counter[int] = Counter()
        """By step: how often it failed and another one of its kind then succeeded, so that the environment is not at
        fault."""

    def failed(self, failure: Failure, now: datetime, wait: timedelta) -> Blame:
        """`wait`: how long an error may last before the run is given up."""
        if (failure.kind not in BREAKABLE and failure.reason not in UNAVAILABLE) or failure.reason in OF_DATA:
            return Blame.STEP
        circuit = self._circuits.setdefault(failure.kind, _Circuit())
        _note(circuit, failure)
        opens = circuit.opened is None
        if opens and not self._suspects_environment(circuit, failure):
            return Blame.STEP
        if circuit.until is not None and now < circuit.until:
            return Blame.PAUSED  # it was in flight when the breaker opened
        opened = circuit.opened = circuit.opened or now
        circuit.strikes += 1
        circuit.until = now + pause_after(circuit.strikes)
        patience = wait if failure.proven or failure.reason in UNAVAILABLE else min(wait, UNPROVEN_WAIT)
        if now - opened >= patience:
            return Blame.GIVEN_UP
        return Blame.OPENED if opens else Blame.PAUSED

    def alarms(self, kind: StepKind, now: datetime) -> bool:
        """Whether the breaker that has just opened raises an alarm: one fault that affects several kinds is one
        alarm."""
        words = self._circuits[kind].words
        others = (circuit for other, circuit in self._circuits.items() if other is not kind and circuit.opened)
        return not any(circuit.words == words for circuit in others) and now >= self._quiet.get(words, now)

    def suspects(self, kind: StepKind) -> dict[int, int]:
        """The steps that failed with the error that opened the breaker, and how often."""
        circuit = self._circuits.get(kind)
        return {} if circuit is None else dict(circuit.failures)

    def until(self, kind: StepKind) -> datetime | None:
        """When the next probe may be sent; None while the breaker is closed."""
        circuit = self._circuits.get(kind)
        return None if circuit is None else circuit.until

    def succeeded(self, kind: StepKind, step: int, sent: datetime | None, now: datetime) -> timedelta | None:
        """A step that was sent then has succeeded; returns how long its breaker was open, if that closes it.

        What was sent before the breaker opened proves nothing about the time since.
        """
        circuit = self._circuits.get(kind)
        if circuit is None:
            return None
        if circuit.opened is not None and sent is not None and sent < circuit.opened:
            return None
        self._acquittals.update(set(circuit.failures))
        del self._acquittals[step]
        opened = circuit.opened
        if opened is not None:
            self._quiet[circuit.words] = now + QUIET
        self.reset(kind)
        return None if opened is None else now - opened

    def reset(self, kind: StepKind) -> None:
        """Start over, as if nothing had failed."""
        self._circuits.pop(kind, None)

    def open(self, now: datetime) -> dict[StepKind, int]:
        """How many steps of each kind whose breaker is open may be in flight now."""
        untils = {kind: circuit.until for kind, circuit in self._circuits.items()}
        return {kind: 0 if now < until else PROBES for kind, until in untils.items() if until is not None}

    def reasons(self) -> dict[StepKind, FailureReason]:
        """Why each open breaker has opened."""
        return {kind: each.reason for kind, each in self._circuits.items() if each.opened and each.reason is not None}

    def _suspects_environment(self, circuit: _Circuit, failure: Failure) -> bool:
        if failure.reason in UNAVAILABLE or len(circuit.failures) >= REPEATS:
            return True
        return failure.last and failure.reason in OF_SETTINGS and self._acquittals[failure.step] < ACQUITTALS


def _note(circuit: _Circuit, failure: Failure) -> None:
    words = f"{failure.reason}: {_IDENTIFIER.sub('#', failure.error)}"
    if words != circuit.words and circuit.opened is None:
        circuit.words, circuit.reason, circuit.failures = words, failure.reason, {}
    circuit.failures[failure.step] = circuit.failures.get(failure.step, 0) + 1
