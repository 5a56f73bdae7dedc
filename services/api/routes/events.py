"""A run as it goes, as server-sent events: what happened, how far it is, and that it has ended."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from services.api.backend import Backend, Context
from services.api.errors import refusals
from spar.db.runs import RunDetail, RunEvent, run_events
from spar.errors import SparError

log = structlog.get_logger()

POLL_S = 0.5  # between two looks at the database, for each listener
SILENCE_S = 15.0  # a comment goes out after this long, so that proxies keep the connection
LARGEST_ID = 2**63 - 1
DETAIL: TypeAdapter[RunDetail] = TypeAdapter(RunDetail)
EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)

router = APIRouter(prefix="/runs", tags=["runs"])
LastEventId = Annotated[int, Header(ge=0, le=LARGEST_ID, description="Only what happened after this event.")]


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


@router.get("/{run_id}/events", responses=refusals(404), response_class=EventStream)
async def get_events(
    run_id: str, request: Request, context: Context, last_event_id: LastEventId = 0, follow: bool = True
) -> EventStream:
    """`happened` (with an id), `progress` and, last, `ended`. Without `follow`: what there is now, then the end.

    A listener that comes back with Last-Event-ID misses nothing.
    """
    await asyncio.to_thread(context.detail, run_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_stream(run_id, request, context, last_event_id, follow), headers=headers)


async def _stream(run_id: str, request: Request, context: Backend, seen: int, follow: bool) -> AsyncIterator[str]:
    try:
        async for message in _messages(run_id, request, context, seen, follow):
            yield message
    except SparError as error:
        # The status is sent already: the listener comes back, and is told then.
        log.warning("events_interrupted", run=run_id, error=str(error))


async def _messages(run_id: str, request: Request, context: Backend, seen: int, follow: bool) -> AsyncIterator[str]:
    shown: RunDetail | None = None
    silent_s = 0.0
    while True:
        # Progress is read first: when it says that the run has ended, all its events are there.
        detail = await asyncio.to_thread(context.detail, run_id)
        events = await asyncio.to_thread(_events, context, run_id, seen)
        for event in events:
            seen = event.id
            yield _message("happened", EVENT.dump_json(event), event.id)
        if detail != shown:
            shown = detail
            yield _message("progress", DETAIL.dump_json(detail))
        over = detail.progress.status.ended and not events
        if over or not follow:
            if over:
                yield _message("ended", DETAIL.dump_json(detail))
            return
        silent_s = 0.0 if events else silent_s + POLL_S
        if silent_s >= SILENCE_S:
            silent_s = 0.0
            yield ": still here\n\n"
        if not events:
            if await request.is_disconnected():
                return
            await asyncio.sleep(POLL_S)


def _events(context: Backend, run_id: str, seen: int) -> list[RunEvent]:
    with context.session() as session:
        return run_events(session, run_id, seen)


def _message(name: str, data: bytes, event_id: int | None = None) -> str:
    """JSON has no line breaks of its own, so one data line holds it."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {name}\ndata: {data.decode()}\n\n"
