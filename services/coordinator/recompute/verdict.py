"""Decides what a lost object means: which step recomputes it, whether the reader only has to wait, when the run fails.

Pure: knows neither the database nor the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto

from spar.messages.base import SHARD_KINDS, StepKind
from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.evaluation import JUDGE_AUDIT
from spar.messages.states import StepState

MOST_RECOMPUTES = 2
"""A store that loses the same result a third time has a fault that no recompute mends."""


class Source(Enum):
    """What can write a lost object again."""

    COORDINATOR = auto()
    """It wrote the object itself, from the run's prompts or from the database."""
    RESULT = auto()
    """The step with the fingerprint that the key contains."""
    MODEL = auto()
    """The training with that fingerprint. Whatever it writes has the same name, so no reader needs another message."""
    SELECTION = auto()
    """The selection of an iteration: its result names the object."""
    USER = auto()
    """No step of the run: it came with the recipe."""


_SOURCES = {
    "inputs": Source.COORDINATOR,
    "prompts": Source.COORDINATOR,
    "results": Source.RESULT,
    "models": Source.MODEL,
    "pairs": Source.SELECTION,
    "examples": Source.SELECTION,
    "outcomes": Source.SELECTION,
}
"""By the first part of a key."""


def source_of(key: str) -> Source:
    return _SOURCES.get(key.partition("/")[0], Source.USER)


def fingerprint_in(key: str) -> str:
    """Of the step that produced it, for a key of a result or a model."""
    return key.partition("/")[2].partition("/")[0]


class LossVerdict(StrEnum):
    """What follows for the step whose attempt could not read an object."""

    RETRY = "retry"  # the object is there again; the attempt has failed, as others do
    WAIT = "wait"  # the step that produces it is being computed
    REREAD = "reread"  # it has been recomputed since the attempt was sent
    RECOMPUTE = "recompute"
    TOO_OFTEN = "too_often"
    NO_SOURCE = "no_source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """The step that produced a lost object. `recomputes`: how often it has produced it again."""

    state: StepState
    recomputes: int
    finished_at: datetime | None


def decide(producer: Producer | None, sent_at: datetime | None) -> LossVerdict:
    """`producer` None: the run has no such step. `sent_at`: when the attempt that could not read was dispatched."""
    if producer is None:
        return LossVerdict.NO_SOURCE
    if producer.state is StepState.DEAD and not producer.recomputes:
        return LossVerdict.NO_SOURCE  # it failed for good, and never had the result
    if producer.state not in (StepState.DONE, StepState.DEAD):
        return LossVerdict.WAIT
    if is_after(producer.finished_at, sent_at):
        return LossVerdict.REREAD
    return LossVerdict.RECOMPUTE if producer.recomputes < MOST_RECOMPUTES else LossVerdict.TOO_OFTEN


def is_after(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one > other


def readers_of(kind: StepKind, part: str) -> Sequence[tuple[StepKind, str]]:
    """The steps of the same iteration that may read a step's result, as kind and part."""
    if kind is StepKind.SELECTION:
        return ((StepKind.TRAINING, "actor"), (StepKind.TRAINING, "refiner"), (StepKind.EVALUATION, "pairs"))
    if kind not in SHARD_KINDS:
        return ()  # a model is named by what determines it, not by its bytes
    later = SHARD_KINDS[SHARD_KINDS.index(kind) + 1 :]
    return (*((each, part) for each in later), (StepKind.SELECTION, ""), (StepKind.EVALUATION, JUDGE_AUDIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputing:
    """How far the recomputing of lost results is: the open steps of the earliest iteration and kind.

    Later steps may need what these produce, so they wait; `others_in_flight` counts those of them that are in flight.
    """

    iteration: int
    kind: StepKind
    ready: int
    in_flight: int
    others_in_flight: int = 0


# ---- why a run fails ----


def no_source(key: str) -> RunEnd:
    return _end(
        f"the object {key} is no longer in the store, and no step of this run produces it: "
        "submit the recipe again, which stores what it contains and resumes this run, or restore the object"
    )


def too_often(step: str) -> RunEnd:
    return _end(
        f"the result of {step} was lost again after {MOST_RECOMPUTES} recomputes: "
        "find out why the object store loses objects, then resume the run"
    )


def recompute_failed(step: str, reason: str, failure: FailureReason) -> RunEnd:
    return _end(f"{step} was lost and could not be recomputed: {reason}", failure)


def different_model(training: str) -> RunEnd:
    return _end(
        f"the model of {training} cannot be recomputed as it was: its training data came out different. "
        "Restore the object store, or run the recipe in a new directory or under a new name"
    )


def _end(what: str, failure: FailureReason | None = None) -> RunEnd:
    return RunEnd(reason=EndReason.LOST_RESULT, what=what, failure=failure)
