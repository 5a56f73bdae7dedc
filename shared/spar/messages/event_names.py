"""The names of what happens to a run, past tense, as its table of events keeps them, and what older versions wrote.

A name is an interface: programs that read events match on it. Knows nothing of who writes or shows them.
"""

from collections.abc import Mapping
from enum import StrEnum


class EventName(StrEnum):
    """What each means, and what to do about it: docs/operations.md."""

    RUN_QUEUED = "run_queued"
    RUN_STARTED = "run_started"
    RUN_RESUMED = "run_resumed"
    RUN_REWOUND = "run_rewound"
    RUN_STUCK = "run_stuck"
    RUN_UNSTUCK = "run_unstuck"
    RUN_CANCELLING = "run_cancelling"
    RUN_CANCELLED = "run_cancelled"
    RUN_STOPPED = "run_stopped"
    RUN_FAILED = "run_failed"
    RUN_FINISHED = "run_finished"
    ITERATION_STARTED = "iteration_started"
    ITERATION_FINISHED = "iteration_finished"
    MODEL_UNCHANGED = "model_unchanged"
    ATTEMPT_FAILED = "attempt_failed"
    ATTEMPT_LOST = "attempt_lost"
    ATTEMPT_RETURNED = "attempt_returned"
    STEP_FAILED = "step_failed"  # for good: a dead letter
    FAILURES_RETRIED = "failures_retried"
    DEAD_LETTERS_REPLAYED = "dead_letters_replayed"
    DEAD_LETTERS_DROPPED = "dead_letters_dropped"
    RESULT_LOST = "result_lost"
    RESULT_RECOMPUTED = "result_recomputed"
    CIRCUIT_OPENED = "circuit_opened"
    CIRCUIT_REOPENED = "circuit_reopened"
    CIRCUIT_CLOSED = "circuit_closed"
    COORDINATOR_ABSENT = "coordinator_absent"
    GUARD_WARNED = "guard_warned"
    GUARD_UNMEASURED = "guard_unmeasured"
    JUDGE_DRIFTED = "judge_drifted"


RENAMED: Mapping[str, EventName] = {
    "run_begun": EventName.RUN_STARTED,
    "run_moves_again": EventName.RUN_UNSTUCK,
    "iteration_begun": EventName.ITERATION_STARTED,
    "iteration_ended": EventName.ITERATION_FINISHED,
    "model_kept": EventName.MODEL_UNCHANGED,
    "step_lost": EventName.ATTEMPT_LOST,
    "step_returned": EventName.ATTEMPT_RETURNED,
    "step_died": EventName.STEP_FAILED,
    "result_remade": EventName.RESULT_RECOMPUTED,
    "circuit_opened_again": EventName.CIRCUIT_REOPENED,
    "coordinator_was_absent": EventName.COORDINATOR_ABSENT,
    "judge_parted": EventName.JUDGE_DRIFTED,
}
"""What 0.1.0 and older wrote. Their `step_failed` was an attempt's, which `event_name` knows by its field."""


def event_name(stored: str, fields: Mapping[str, object]) -> str:
    """Today's name of a stored event. One that this version doesn't know, a newer one's say, stays as it is."""
    if stored == EventName.STEP_FAILED and "attempt" in fields:
        return EventName.ATTEMPT_FAILED.value
    return RENAMED[stored].value if stored in RENAMED else stored


def stored_names(*names: EventName) -> tuple[str, ...]:
    """All stored names of these, for a query."""
    return (*(name.value for name in names), *(old for old, new in RENAMED.items() if new in names))
