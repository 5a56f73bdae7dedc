"""Looks at runs for those who listen to them: in threads of its own, and once for all listeners of a run.

However many listen, requests find the threads and the database's connections that they need. Knows no HTTP.
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
"""How the threads are named."""
MOST_LISTENERS = 512
"""Each is a connection, and a file descriptor of 1024."""


@dataclass(frozen=True, slots=True)
class Look:
    """A run as it stood at `at`, the loop's time before it was read. All events up to `newest` are there."""

    detail: RunDetail
    newest: int
    at: float


class Watching:
    """One event loop."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._threads = ThreadPoolExecutor(THREADS, NAME)
        self._looks: dict[str, asyncio.Future[Look]] = {}
        self.listeners = 0

    async def look(self, run_id: str, oldest_s: float = 0.0) -> Look:
        """A look no older than that; several that want one at once share it. Raises as `Backend.detail` does."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        known = self._looks.get(run_id)
        if known is None or not _serves(known, now - oldest_s):
            known = loop.run_in_executor(self._threads, self._read, run_id, now)
            self._looks[run_id] = known
        return await asyncio.shield(known)  # one listener that goes must not stop the others' look

    async def events(self, run_id: str, seen: int) -> list[RunEvent]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._events, run_id, seen)

    def forget(self, run_id: str) -> None:
        """Somebody has stopped listening; who still does looks again."""
        self._looks.pop(run_id, None)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, run_id: str, now: float) -> Look:
        # Progress is read first: when it says that the run has ended, all its events are there.
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
