"""A run's report for a command: as it was written, or built from its home. Prints nothing."""

from pathlib import Path

from spar.cli.homes import find_run, reading
from spar.report.build import build_report
from spar.report.model import RunReport
from spar.store.directory import DirectoryStore


def report_of(run: str, directory: Path | None) -> RunReport:
    """`run` is a report.json, or a run's id or directory. Raises DataError."""
    if Path(run).is_file():
        return RunReport.model_validate_json(Path(run).read_bytes())
    found = find_run(run, directory)
    with reading(found.home) as session:
        return build_report(session, DirectoryStore(found.home.store), found.run_id)
