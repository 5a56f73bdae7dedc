"""The database, the object store and the queues that every route uses. Holds no state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlmodel import Session

from services.api.errors import Refusal
from services.api.settings import ApiSettings
from spar.db.engine import COORDINATOR, is_held
from spar.db.runs import RunDetail, read_detail
from spar.report.next_step import next_step_on_stack
from spar.runtime.broker import Broker
from spar.store.base import ObjectStore


@dataclass(frozen=True, slots=True)
class Backend:
    database: Engine
    store: ObjectStore
    broker: Broker
    settings: ApiSettings

    @contextmanager
    def session(self) -> Iterator[Session]:
        with Session(self.database) as session:
            yield session

    @property
    def at_work(self) -> bool:
        """Whether a coordinator is running."""
        return is_held(self.database, COORDINATOR)

    def detail(self, run_id: str) -> RunDetail:
        """Raises a Refusal (404) if there is no such run."""
        with self.session() as session:
            detail = read_detail(session, run_id, self.at_work)
        if detail is None:
            raise Refusal(404, f"There is no run {run_id!r}.", "List the runs: GET /runs, or `spar runs`.")
        progress = detail.progress
        if progress.stuck is not None:
            return replace(detail, next_step=f"{progress.stuck.what.rstrip('.')}. {progress.stuck.fix}")
        return replace(
            detail, next_step=next_step_on_stack(progress.status, progress.end, progress.run_id, progress.lost)
        )


async def _backend(request: Request) -> Backend:
    """A coroutine, since FastAPI runs plain functions in a thread for every request."""
    backend: Backend = request.app.state.backend
    return backend


Context = Annotated[Backend, Depends(_backend)]
