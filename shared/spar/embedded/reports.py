"""Writes a run's report into its home: a page and a JSON file in the run's folder, the newest run's at the top too."""

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.schema import check_schema
from spar.embedded.home import Home
from spar.embedded.homes import find_run, reading
from spar.report.kept import read_report
from spar.report.model import RunReport
from spar.report.page import render
from spar.store.directory import DirectoryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    report: RunReport
    page: Path
    json: Path


def write_report(home: Home, run_id: str, newest: bool, at_work: bool) -> WrittenReport:
    """Read or build it, and write it; `newest` writes the copies at the home's top as well.

    Works on an unfinished run too. `at_work`: a process works on the home's runs.
    """
    database = open_database(home.database_url)
    check_schema(database)
    try:
        with Session(database) as session:
            report = read_report(session, DirectoryStore(home.store), run_id, at_work)
    finally:
        database.dispose()
    page, data = render(report), report.model_dump_json(indent=2)
    folders = [home.run_folder(run_id), *([home.root] if newest else [])]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "report.html", page)
        _write(folder / "report.json", data)
    return WrittenReport(report=report, page=folders[0] / "report.html", json=folders[0] / "report.json")


def _write(path: Path, text: str) -> None:
    """Whole or not at all: someone may be reading it."""
    half = path.with_name(path.name + ".new")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def report_of(run: str, directory: Path | None) -> RunReport:
    """`run` is a report.json, or a run's id or directory. Raises DataError."""
    if Path(run).is_file():
        return RunReport.model_validate_json(Path(run).read_bytes())
    found = find_run(run, directory)
    with reading(found.home) as session:
        return read_report(session, DirectoryStore(found.home.store), found.run_id)
