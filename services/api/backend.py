"""What the API stands on: the database, the object store, the queues. Handed to every route; holds no state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlmodel import Session

from services.api.errors import Refusal
from services.api.settings import ApiSettings
from spar.db.runs import RunDetail, read_detail
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

    def detail(self, run_id: str) -> RunDetail:
        """Raises a Refusal (404) for a run that is not there."""
        with self.session() as session:
            detail = read_detail(session, run_id)
        if detail is None:
            raise Refusal(404, f"There is no run {run_id!r}.", "List the runs: GET /runs, or `spar runs`.")
        return detail


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


Context = Annotated[Backend, Depends(_backend)]
