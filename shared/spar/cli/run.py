"""`spar run`: a whole recipe in this process. Rerunning the command resumes the run."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from spar.cli.console import err, out, print_warning
from spar.cli.progress import watching
from spar.cli.run_end import examples_of, print_end
from spar.commands import in_directory
from spar.db.progress import RunProgress
from spar.embedded.home import Home
from spar.embedded.homes import RUNS
from spar.embedded.installed import require_packages
from spar.embedded.reports import WrittenReport, write_report
from spar.embedded.runner import resume_to_end, run_to_end
from spar.embedded.staging import staging
from spar.errors import StoreError
from spar.messages.states import RunStatus
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe
from spar.recipes.rebudget import UNCHANGED, ChangedSections
from spar.recipes.resolve import to_yaml
from spar.report.next_step import after_losses
from spar.report.table import print_table
from spar.runtime.log import log_to

SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, such as seed=1.")
]
DirOption = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="Where the run is kept. [default: runs/<recipe name>]")
]


def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A built-in recipe's name, or a YAML file.")],
    set_: SetOption = None,
    directory: DirOption = None,
) -> None:
    """Run a recipe in this process, or resume its run."""
    loaded = load_recipe(recipe, set_ or [])
    sys.exit(execute(loaded, directory or RUNS / loaded.name))


def execute(recipe: Recipe, directory: Path) -> int:
    """Run it to its end, write its report and print it; returns the exit code."""
    require_packages(recipe)
    home = Home(directory)
    home.check_free()
    with staging(recipe) as staged, home.lock(), stop_on_signal() as stop:
        home.runs.mkdir(exist_ok=True)
        log_to(home.root / "runs" / "log.jsonl")
        with watching() as watcher:
            progress = run_to_end(staged, home, watcher, stop)
        (home.run_folder(progress.run_id) / "recipe.yaml").write_text(to_yaml(recipe), encoding="utf-8")
        written = _write(home, progress, newest=True)
    return _report_end(progress, home, written)


def execute_known(home: Home, run_id: str, newest: bool, changed: ChangedSections = UNCHANGED) -> int:
    """Resume a run of the home, without its recipe's file; returns the exit code."""
    with home.lock(), stop_on_signal() as stop:
        log_to(home.root / "runs" / "log.jsonl")
        with watching() as watcher:
            progress = resume_to_end(run_id, home, watcher, stop, changed)
        written = _write(home, progress, newest)
    return _report_end(progress, home, written)


def _write(home: Home, progress: RunProgress, newest: bool) -> WrittenReport | None:
    """None if it cannot be read or written; how the run ended is printed all the same."""
    try:
        return write_report(home, progress.run_id, newest, at_work=False)
    except StoreError as error:
        print_warning(f"the report was not written: {error}")
        return None


def _report_end(progress: RunProgress, home: Home, written: WrittenReport | None) -> int:
    if progress.status is RunStatus.FINISHED:
        if written is None:
            return StoreError.exit_code
        _print(written)
        if progress.lost.steps:
            text = after_losses(progress.lost, progress.run_id, in_directory(home.root))
            err.print(text, style="bold yellow", markup=False, soft_wrap=True)
        return 0
    return print_end(progress, "run the same command again", examples_of(progress, home))


def _print(written: WrittenReport) -> None:
    print_table(written.report, out)
    out.print(f"report: {written.page}", markup=False, soft_wrap=True)


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event; a second one ends the process at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
