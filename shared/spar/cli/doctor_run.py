"""`spar doctor RUN`: checks a run's invariants; --fix repairs what can be repaired without losing data."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from spar.cli.console import out
from spar.cli.stack import stack_books
from spar.commands import command, in_directory
from spar.embedded.homes import find_run
from spar.errors import ConflictError, RecipeError
from spar.host_checks.checks import FREE_BYTES

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from spar.embedded.home import Home
    from spar.store.base import ObjectStore
    from spar.upkeep.findings import Finding

YOUNG = timedelta(hours=1)
"""On a stack, a younger object without a reference may belong to a submission or an attempt in progress."""


@dataclass(frozen=True, slots=True)
class CheckedRun:
    """The run to check, its database and store, and whether a process works on it."""

    run_id: str
    database: "Engine"
    store: "ObjectStore"
    at_work: bool
    home: "Home | None" = None

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments that name it on a command line."""
        return (self.run_id, *(in_directory(self.home.root) if self.home is not None else ()))


def doctor_run(run: str | None, directory: Path | None, stack: bool, fix: bool, as_json: bool) -> int:
    """Check the run, print what was found and done; returns the exit code: 1 if any finding is left."""
    if stack and directory is not None:
        raise RecipeError("--dir names a home, and --stack a stack's database.", "Leave one of them out.")
    with _open_run(run, directory, stack, fix) as checked:
        findings = _examine(checked)
        done = _repair(checked, findings) if fix else []
        left = _examine(checked) if done else findings
    if as_json:
        found = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"run": checked.run_id, "findings": found, "done": done, "left": len(left)}, indent=2))
    else:
        _print(checked, findings, done, left)
    return 1 if left else 0


def _examine(checked: CheckedRun) -> "list[Finding]":
    from sqlmodel import Session

    from spar.db.tables import Run
    from spar.upkeep.invariants import check_books
    from spar.upkeep.objects import check_objects, orphans, orphans_found

    with Session(checked.database) as session:
        findings = [*check_books(session, session.get_one(Run, checked.run_id))]
        findings += check_objects(session, checked.store, checked.run_id)
        keys = [] if checked.at_work else orphans(session, checked.store)
        findings += orphans_found([key for key in keys if checked.home is not None or _is_old(checked.store, key)])
    return [*findings, *_disk(checked)]


def _repair(checked: CheckedRun, findings: "Sequence[Finding]") -> list[str]:
    from sqlmodel import Session

    from services.coordinator.ledger import Ledger
    from services.coordinator.mending import forget_orphans, mend
    from spar.upkeep.findings import Remedy

    with Session(checked.database) as session:
        ledger = Ledger(session)
        done = list(mend(ledger, checked.store, checked.run_id, findings))
        keys = [key for finding in findings if finding.remedy is Remedy.RECLAIM for key in finding.keys]
        for key in keys:
            checked.store.remove(key)
        forget_orphans(ledger, keys)
        session.commit()
    return [*done, *([f"{len(keys)} objects that belonged to no run were removed"] if keys else [])]


def _disk(checked: CheckedRun) -> "Iterator[Finding]":
    from spar.upkeep.findings import Check, Finding

    if checked.home is None:
        return  # the store's disk is its server's
    free = shutil.disk_usage(checked.home.root).free
    if free < FREE_BYTES:
        yield Finding(
            check=Check.DISK,
            what=f"{free / 1000**3:.1f} GB are free, and a run needs {FREE_BYTES / 1000**3:.0f} GB.",
            where=str(checked.home.root),
            fix="Free some space; `work/` can be deleted while nothing runs.",
        )


def _is_old(store: "ObjectStore", key: str) -> bool:
    return datetime.now(UTC) - store.written_at(key) > YOUNG


@contextmanager
def _open_run(run: str | None, directory: Path | None, stack: bool, fix: bool) -> Iterator[CheckedRun]:
    """With `fix`, holds the lock that keeps other processes out until the block ends."""
    if stack:
        from spar.db.engine import COORDINATOR, only_one

        with stack_books() as books:
            run_id = books.find(run)
            if fix:
                with only_one(books.database, COORDINATOR) as writer:
                    yield CheckedRun(run_id, writer, books.store, at_work=False)
            else:
                yield CheckedRun(run_id, books.database, books.store, books.at_work)
        return
    from spar.db.engine import open_database
    from spar.db.schema import check_schema
    from spar.store.directory import DirectoryStore

    found = find_run(run, directory)
    busy = found.home.in_use()
    if busy and fix:
        raise ConflictError(
            f"A process is running in {found.home.root}: the run cannot be repaired meanwhile.",
            "Wait until it ends, or stop it with Ctrl-C, and run the same command again.",
        )
    database = open_database(found.home.database_url)
    try:
        check_schema(database)
        if fix:
            with found.home.lock():
                yield CheckedRun(found.run_id, database, DirectoryStore(found.home.store), False, found.home)
        else:
            yield CheckedRun(found.run_id, database, DirectoryStore(found.home.store), busy, found.home)
    finally:
        database.dispose()


def _print(checked: CheckedRun, findings: "Sequence[Finding]", done: Sequence[str], left: "Sequence[Finding]") -> None:
    if findings:
        table = Table("check", "where", box=None, pad_edge=False)
        table.add_column("found", overflow="fold")
        for finding in findings:
            table.add_row(Text(finding.check), Text(finding.where), Text(f"{finding.what}\n{finding.fix}"))
        out.print(table)
    for line in done:
        out.print(f"done: {line}", markup=False, soft_wrap=True)
    if not left:
        out.print(f"run {checked.run_id}: all checks passed.", markup=False, soft_wrap=True)
        return
    out.print(f"run {checked.run_id}: {len(left)} findings are left.", markup=False, soft_wrap=True)
    from spar.upkeep.findings import Remedy

    if any(finding.remedy is not Remedy.NONE for finding in left):
        out.print(f"repair them: {command('doctor', *checked.words, '--fix')}", markup=False, soft_wrap=True)
