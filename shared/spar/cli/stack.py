"""A stack's database and store for a command that opens them directly: SPAR_DATABASE_URL and SPAR_S3_*."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Engine
from sqlmodel import Session

from spar.db.engine import COORDINATOR, is_held, open_database
from spar.db.progress import newest_run_id, run_ids
from spar.db.schema import check_schema
from spar.errors import DataError
from spar.runtime.process import reach_store
from spar.runtime.settings import Settings
from spar.store.base import ObjectStore

StackOption = Annotated[
    bool,
    typer.Option("--stack", help="A run of the stack at SPAR_DATABASE_URL and SPAR_S3_* (or SPAR_STORE_DIR)."),
]


@dataclass(frozen=True, slots=True)
class StackBooks:
    database: Engine
    store: ObjectStore

    @property
    def at_work(self) -> bool:
        """Whether a coordinator works on the runs."""
        return is_held(self.database, COORDINATOR)

    def find(self, run: str | None) -> str:
        """A run's id by the id itself or its start; None: the newest run's. Raises DataError."""
        with Session(self.database) as session:
            newest, known = newest_run_id(session), run_ids(session)
        wanted = [newest] if run is None else [run] if run in known else [i for i in known if i.startswith(run)]
        if len(wanted) == 1 and wanted[0] is not None:
            return wanted[0]
        if len(wanted) > 1:
            raise DataError(f"'{run}' is the start of several run ids.", f"Choose one: {', '.join(map(str, wanted))}.")
        raise DataError(
            f"Run {run} is not in the stack's database." if run else "The stack's database has no run.",
            "List the runs: spar runs --api URL.",
        )


@contextmanager
def stack_books() -> Iterator[StackBooks]:
    """Raises ServiceError where one of them cannot be reached."""
    settings = Settings()
    database = open_database(settings.database_url.get_secret_value())
    try:
        check_schema(database)
        yield StackBooks(database, reach_store(settings))
    finally:
        database.dispose()
