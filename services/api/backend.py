"""What the API stands on: the database, the object store, the queues. Handed to every route; holds no state."""

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
        """Whether a coordinator works on the runs."""
        return is_held(self.database, COORDINATOR)

    def detail(self, run_id: str) -> RunDetail:
        """Raises a Refusal (404) for a run that is not there."""
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
    """A coroutine, or FastAPI would send every request through a thread."""
    backend: Backend = request.app.state.backend
    return backend


Context = Annotated[Backend, Depends(_backend)]
