"""A run as server-sent events: what happened, its progress, and its end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from services.api.errors import Refusal, refusals
from services.api.watching import MOST_LISTENERS, Look, Watched, Watching
from spar.db.runs import RunDetail, RunEvent
from spar.errors import SparError

log = structlog.get_logger()

POLL_S = 0.5  # between two reads of the database
SILENCE_S = 15.0  # a comment is sent after this long, so that proxies keep the connection
LARGEST_ID = 2**63 - 1
DETAIL: TypeAdapter[RunDetail] = TypeAdapter(RunDetail)
EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)

router = APIRouter(prefix="/runs", tags=["runs"])
LastEventId = Annotated[int, Header(ge=0, le=LARGEST_ID, description="Only what happened after this event.")]


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


@router.get("/{run_id}/events", responses=refusals(404, 503), response_class=EventStream)
async def get_events(
    run_id: str, request: Request, watched: Watched, last_event_id: LastEventId = 0, follow: bool = True
) -> EventStream:
    """`happened` (with an id), `progress` and finally `ended`. Without `follow`: the present state, then the end.

    A client that reconnects with Last-Event-ID misses nothing.
    """
    if watched.listeners >= MOST_LISTENERS:
        raise Refusal(503, f"{watched.listeners} listen to runs already.", "Listen later, or look at GET /runs/RUN.")
    first = await watched.look(run_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(_stream(run_id, request, watched, first, last_event_id, follow), headers=headers)


async def _stream(
    run_id: str, request: Request, watched: Watching, first: Look, seen: int, follow: bool
) -> AsyncIterator[str]:
    watched.listeners += 1
    try:
        async for message in _messages(run_id, request, watched, first, seen, follow):
            yield message
    except SparError as error:
        # The status has been sent already: the client reconnects and receives the error then.
        log.warning("events_interrupted", run=run_id, error=str(error))
    finally:
        watched.listeners -= 1
        watched.forget(run_id)


async def _messages(
    run_id: str, request: Request, watched: Watching, look: Look, seen: int, follow: bool
) -> AsyncIterator[str]:
    shown: RunDetail | None = None
    silent_s = 0.0
    while True:
        events = await watched.events(run_id, seen) if look.newest > seen else []
        for event in events:
            seen = event.id
            yield _message("happened", EVENT.dump_json(event), event.id)
        if look.detail != shown:
            shown = look.detail
            yield _message("progress", DETAIL.dump_json(shown))
        over = look.detail.progress.status.ended and not events
        if over or not follow:
            if over:
                yield _message("ended", DETAIL.dump_json(look.detail))
            return
        silent_s = 0.0 if events else silent_s + POLL_S
        if silent_s >= SILENCE_S:
            silent_s = 0.0
            yield ": still here\n\n"
        if not events:
            if await request.is_disconnected():
                return
            await asyncio.sleep(POLL_S)
        look = await watched.look(run_id, POLL_S / 2)


def _message(name: str, data: bytes, event_id: int | None = None) -> str:
    """JSON contains no line breaks, so one data line holds it."""
    number = "" if event_id is None else f"id: {event_id}\n"
    return f"{number}event: {name}\ndata: {data.decode()}\n\n"
