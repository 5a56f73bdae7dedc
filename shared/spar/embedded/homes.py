"""Finds the home and the run that a command means: by directory, by run id, or the newest."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.progress import newest_run_id, run_ids
from spar.db.schema import check_schema
from spar.embedded.home import DATABASE, Home
from spar.errors import DataError, HomeError

RUNS = Path("runs")
"""Where homes lie unless --dir says otherwise: runs/<recipe name>."""


@dataclass(frozen=True, slots=True)
class FoundRun:
    home: Home
    run_id: str
    newest: bool


@contextmanager
def reading(home: Home) -> Iterator[Session]:
    """A session over a home's database, whether or not something runs in it."""
    home.check()
    database = open_database(home.database_url)
    check_schema(database)
    try:
        with Session(database) as session:
            yield session
    finally:
        database.dispose()


def find_run(run: str | None, directory: Path | None) -> FoundRun:
    """`run` is a run id, the start of one, or a home's directory; without it, the newest run. Raises HomeError."""
    if directory is None and run is not None and Path(run).is_dir():
        directory, run = Path(run), None
    places = homes(directory)
    if not places:
        what = "There is no run" if run is None else f"{run} is no run directory, and there is no run"
        raise HomeError(f"{what} in ./runs.", "Name the run's directory: --dir DIR.")
    listed: set[str] = set()
    for home in places:
        with reading(home) as session:
            newest, known = newest_run_id(session), run_ids(session)
        listed.update(known)
        wanted = [newest] if run is None else [run] if run in known else [i for i in known if i.startswith(run)]
        if len(wanted) == 1 and wanted[0] is not None:
            return FoundRun(home, wanted[0], wanted[0] == newest)
        if len(wanted) > 1:
            raise DataError(f"'{run}' is the start of several run ids.", f"Choose one: {', '.join(map(str, wanted))}.")
    looked = ", ".join(str(home.root) for home in places)
    known_ids = f"Choose one of {', '.join(sorted(listed))}" if listed else "Give another --dir"
    raise HomeError(f"There is no run {run or ''} in {looked}.".replace("  ", " "), f"{known_ids}.")


def homes(directory: Path | None) -> list[Home]:
    """The home there, or without a directory all below ./runs, newest first."""
    if directory is not None:
        return [Home(directory)]
    databases = sorted(RUNS.glob(f"*/{DATABASE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [Home(path.parent) for path in databases]
