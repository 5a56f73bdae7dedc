"""`spar archive` and `spar restore`: a run as one file, to keep or to move to another machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.console import out, print_warning
from spar.cli.stack import StackOption, stack_books
from spar.cli.status import DirOption, JsonOption
from spar.commands import command, in_directory
from spar.embedded.homes import find_run, reading
from spar.errors import ConflictError, RecipeError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from spar.embedded.home import Home
    from spar.store.base import ObjectStore
    from spar.upkeep.manifest import ArchiveManifest

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run id, the start of one, or a run directory.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The archive, such as run.tar.zst.")]


def archive(
    run: RunName,
    file: FileArgument,
    directory: DirOption = None,
    stack: StackOption = False,
    without_models: Annotated[
        bool,
        typer.Option("--without-models", help="Leave models out; `doctor --fix` and a resume retrain them."),
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite FILE.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Archive a run in one file: database rows, results, models, report."""
    if file.exists() and not replace:
        raise ConflictError(f"{file} exists already.", "Choose another name, or overwrite it: --replace.")
    if stack and directory is not None:
        raise RecipeError("--dir names a home, and --stack a stack's database.", "Leave one of them out.")
    with _source(run, directory, stack) as (session, store, run_id, home):
        manifest = _write(file, session, store, run_id, home, not without_models)
    if as_json:
        typer.echo(json.dumps({"run": run_id, "file": str(file), "bytes": file.stat().st_size, **_counts(manifest)}))
        return
    left = f", {len(manifest.models_left_out)} models left out" if manifest.models_left_out else ""
    size = f"{file.stat().st_size / 1e6:.1f} MB"
    out.print(f"run {run_id}: {len(manifest.members)} files in {file}, {size}{left}", markup=False, soft_wrap=True)
    out.print(f"restore it with: {command('restore', str(file), '--dir', 'DIR')}", markup=False, soft_wrap=True)


def restore(
    file: FileArgument,
    directory: Annotated[Path, typer.Option("--dir", metavar="HOME", help="A run directory; created if missing.")],
    as_json: JsonOption = False,
) -> None:
    """Restore an archived run into a home: all of it or nothing."""
    from spar.embedded.restoring import restore_into

    restored = restore_into(file, directory)
    if as_json:
        typer.echo(json.dumps({"run": restored.run_id, "new": restored.new, "objects": restored.objects}))
        return
    done = f"restored: {restored.objects} objects written" if restored.new else "is there already, as archived"
    home = in_directory(directory)
    out.print(f"run {restored.run_id} {done}", markup=False, soft_wrap=True)
    out.print(f"next: {command('status', restored.run_id, *home)}", markup=False, soft_wrap=True)
    if restored.models_left_out:
        print_warning(
            f"The archive was written without {len(restored.models_left_out)} models that the run needs. To retrain"
            f" those that the run trained: {command('doctor', restored.run_id, *home, '--fix')}, then resume the run."
        )


@contextmanager
def _source(run: str, directory: Path | None, stack: bool) -> "Iterator[tuple[Session, ObjectStore, str, Home | None]]":
    """The run's database and store, with nothing working on the run."""
    from spar.store.directory import DirectoryStore

    if stack:
        with stack_books() as books, _snapshot(books.database) as session:
            run_id = books.find(run)
            _refuse_at_work(session, run_id, books.at_work)
            yield session, books.store, run_id, None
        return
    found = find_run(run, directory)
    with _kept_still(found.home), reading(found.home) as session:
        _refuse_at_work(session, found.run_id, found.home.in_use() and not found.home.held)
        yield session, DirectoryStore(found.home.store), found.run_id, found.home


@contextmanager
def _kept_still(home: "Home") -> Iterator[None]:
    """Keeps anything from starting in the home; where something already runs, ended runs do not change."""
    if home.in_use():
        yield
        return
    with home.lock():
        yield


@contextmanager
def _snapshot(database: "Engine") -> "Iterator[Session]":
    """A session that reads one consistent state of the database."""
    from sqlmodel import Session

    with Session(database.execution_options(isolation_level="REPEATABLE READ")) as session:
        yield session


def _refuse_at_work(session: "Session", run_id: str, at_work: bool) -> None:
    from spar.db.tables import Run

    run = session.get_one(Run, run_id)
    if at_work and not run.status.ended:
        raise ConflictError(
            f"Run {run_id} is {run.status}: a process is working on it.",
            "Wait until it ends, or stop it (Ctrl-C, or `spar cancel RUN`), archive it, and resume it.",
        )


def _write(
    file: Path, session: "Session", store: "ObjectStore", run_id: str, home: "Home | None", with_models: bool
) -> "ArchiveManifest":
    from spar.upkeep.archive import archive_run

    file.parent.mkdir(parents=True, exist_ok=True)
    return archive_run(file, session, store, run_id, _files(session, store, run_id, home), with_models)


def _files(session: "Session", store: "ObjectStore", run_id: str, home: "Home | None") -> dict[str, bytes]:
    """The run's recipe and report, as written; otherwise built now."""
    from spar.report.kept import read_report
    from spar.report.page import render
    from spar.upkeep.manifest import RUN_FILES

    if home is not None:
        written = {name: home.run_folder(run_id) / name for name in RUN_FILES}
        if all(path.is_file() for path in written.values()):
            return {name: path.read_bytes() for name, path in written.items()}
    report = read_report(session, store, run_id, at_work=False)
    return {"report.json": report.model_dump_json(indent=2).encode(), "report.html": render(report).encode()}


def _counts(manifest: "ArchiveManifest") -> dict[str, int]:
    return {"members": len(manifest.members), "models_left_out": len(manifest.models_left_out)}
