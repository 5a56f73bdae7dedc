"""Reads runs for clients that follow them: in threads of its own, and once for all followers of a run.

However many clients follow runs, requests find free threads and database connections. Knows no HTTP.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import func
from sqlmodel import Session, col, select

from services.api.backend import Backend
from spar.db.runs import RunDetail, RunEvent, run_events
from spar.db.tables import Event

THREADS = 4
"""Fewer than the database's connections (5, and 10 more under load)."""
NAME = "api-events"
"""The threads' name."""
MOST_LISTENERS = 512
"""Each is a connection, and one of 1024 file descriptors."""


@dataclass(frozen=True, slots=True)
class Look:
    """A run as it was at `at`, the loop's time before it was read. All events up to `newest` are included."""

    detail: RunDetail
    newest: int
    at: float


class Watching:
    """For one event loop."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._threads = ThreadPoolExecutor(THREADS, NAME)
        self._looks: dict[str, asyncio.Future[Look]] = {}
        self.listeners = 0

    async def look(self, run_id: str, oldest_s: float = 0.0) -> Look:
        """A snapshot no older than that; concurrent callers share one read. Raises as `Backend.detail` does."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        known = self._looks.get(run_id)
        if known is None or not _serves(known, now - oldest_s):
            known = loop.run_in_executor(self._threads, self._read, run_id, now)
            self._looks[run_id] = known
        return await asyncio.shield(known)  # one follower that disconnects must not stop the read of the others

    async def events(self, run_id: str, seen: int) -> list[RunEvent]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._events, run_id, seen)

    def forget(self, run_id: str) -> None:
        """A follower has disconnected; the remaining ones read again."""
        self._looks.pop(run_id, None)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, run_id: str, now: float) -> Look:
        # Progress is read first: if it shows that the run has ended, all its events are there.
        detail = self._backend.detail(run_id)
        with self._backend.session() as session:
            return Look(detail, _newest(session, run_id), now)

    def _events(self, run_id: str, seen: int) -> list[RunEvent]:
        with self._backend.session() as session:
            return run_events(session, run_id, seen)


def _newest(session: Session, run_id: str) -> int:
    return session.exec(select(func.max(Event.id)).where(col(Event.run_id) == run_id)).one() or 0


def _serves(known: "asyncio.Future[Look]", oldest: float) -> bool:
    if not known.done():
        return True
    return not known.cancelled() and known.exception() is None and known.result().at > oldest


async def _watching(request: Request) -> Watching:
    watching: Watching = request.app.state.watching
    return watching


Watched = Annotated[Watching, Depends(_watching)]
