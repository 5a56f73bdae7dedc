"""The envelope around every step: hold the attempt, work under its deadline, store one object, report facts.

A service's task is a line that hands its coroutine to `run_step`. No text leaves by a report, only keys and counts.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from spar.errors import (
    AccountingError,
    DataError,
    ModelUnusable,
    ObjectLost,
    PackageMissing,
    RecipeError,
    SparError,
    TrainingDiverged,
)
from spar.messages.base import ObjectRef, StepMessage
from spar.messages.coordinator import FailureReason, StepFailed, StepFinished, StepReturned, StepStarted, StepTimings
from spar.messages.coordinator import StepUsage as UsageFacts
from spar.messages.counts import BaseCounts, ReplyCounts
from spar.messages.reasons import FAILURES
from spar.redaction import redact
from spar.roles.usage import Usage
from spar.runtime.kept import keep_report, kept_report
from spar.runtime.timing import clocked
from spar.runtime.worker import Worker
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import StoredObject, get_verified, put_blob, put_result
from spar.store.rows import decode_rows, encode_rows
from spar.texts import storable

log = structlog.get_logger()

Row = TypeVar("Row")

current_step: ContextVar[StepMessage | None] = ContextVar("current_step", default=None)
"""Which step a coroutine works for; for those who watch, never for the work itself."""

NON_RETRYABLE = (ModelUnusable, DataError, RecipeError, PackageMissing, AccountingError, TrainingDiverged)
"""The same step would fail the same way again."""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step computed: rows of one type, its usage of models, and its counts."""

    rows: Sequence[Any]
    usage: Usage = field(default_factory=Usage)
    counts: BaseCounts = field(default_factory=BaseCounts)


def run_step(worker: Worker, message: StepMessage, work: Callable[[], Awaitable[StepOutput]]) -> None:
    """Do the work and report the outcome to the sender. Raises nothing but bugs of its own."""
    worker.hold(message)
    to = message.reply_to
    try:
        worker.tell(to, StepStarted(step_id=message.step_id, attempt=message.attempt, worker=worker.name))
        worker.tell(to, _made_before(worker, message) or _make(worker, message, work))
    except CancelledError:
        # The process is closing; if this does not arrive either, the attempt's lease gives it to the next one.
        log.info("step_cancelled", step=message.step_id)
        if worker.hands_back:
            worker.tell(to, StepReturned(step_id=message.step_id, attempt=message.attempt, worker=worker.name))
    except SparError as error:
        log.warning("attempt_failed", step=message.step_id, attempt=message.attempt, error=str(error))
        worker.tell(to, _failed(worker, message, error))
    except Exception as error:
        log.exception("step_raised", step=message.step_id)
        worker.tell(to, _failed(worker, message, error))
    finally:
        worker.release(message)


def _made_before(worker: Worker, message: StepMessage) -> StepFinished | None:
    """Of a step that no coordinator sent: its message may have been sent again though an earlier one was worked on."""
    known = None if message.reply_to is None else kept_report(worker.store, message.fingerprint)
    return known and known.model_copy(update={"step_id": message.step_id, "attempt": message.attempt})


def _make(worker: Worker, message: StepMessage, work: Callable[[], Awaitable[StepOutput]]) -> StepFinished:
    began, at_once = time.monotonic(), worker.at_once
    with clocked() as clock:
        output = worker.loop.run(_awaited(message, work), message.deadline_s)
        stored = _store(worker, message, output)
    timings = clock.timings().model_copy(update={"at_once": at_once})
    report = _finished(worker, message, output, stored, time.monotonic() - began, timings)
    if message.reply_to is not None:
        keep_report(worker.store, report)
    return report


async def _awaited(message: StepMessage, work: Callable[[], Awaitable[StepOutput]]) -> StepOutput:
    current_step.set(message)  # in the context of this coroutine's own task, and of those that it starts
    return await work()


async def read_rows(store: ObjectStore, ref: ObjectRef | str, row_type: type[Row]) -> list[Row]:
    """Rows of an object, checked against its name; read in a thread, so that the loop is not blocked."""
    key = ref if isinstance(ref, str) else ref.key
    return await asyncio.to_thread(lambda: decode_rows(reread(lambda: get_verified(store, key)), row_type, key)[1])


def put_rows(store: ObjectStore, prefix: str, step: str, rows: Sequence[Any]) -> str:
    """Store rows that a result points at; returns their key."""
    return put_blob(store, prefix, encode_rows(step=step, fingerprint="", rows=rows)).key


def _store(worker: Worker, message: StepMessage, output: StepOutput) -> StoredObject:
    step = type(message).__name__.lower()
    data = encode_rows(step=step, fingerprint=message.fingerprint, rows=output.rows)
    return put_result(worker.store, message.fingerprint, data)


def _finished(
    worker: Worker, message: StepMessage, output: StepOutput, stored: StoredObject, seconds: float, timings: StepTimings
) -> StepFinished:
    usage = output.usage
    return StepFinished(
        step_id=message.step_id,
        attempt=message.attempt,
        worker=worker.name,
        fingerprint=message.fingerprint,
        key=stored.key,
        size=stored.size,
        seconds=seconds,
        usage=UsageFacts(
            calls=usage.calls,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            estimated_tokens=usage.estimated_tokens,
        ),
        counts={**output.counts.flat(), **ReplyCounts(failed=usage.failures, adjusted=usage.adjustments).flat()},
        timings=timings,
    )


def _unexpected(error: Exception) -> str:
    """An error that is none of ours, and what to do; however long the error is, that is kept."""
    return storable(redact(f"{type(error).__name__}: {str(error)[:1500]}. {FAILURES[FailureReason.UNEXPECTED].fix}"))


def _failed(worker: Worker, message: StepMessage, error: Exception) -> StepFailed:
    reason = FailureReason.of(error)
    text = _unexpected(error) if reason is FailureReason.UNEXPECTED else str(error)
    return StepFailed(
        step_id=message.step_id,
        attempt=message.attempt,
        worker=worker.name,
        reason=reason,
        error=text[:2000],
        retry=not isinstance(error, NON_RETRYABLE),
        lost=error.key or None if isinstance(error, ObjectLost) else None,
    )
