"""`spar status`: a run's progress, from another terminal while it runs, or afterwards."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.event_lines import spent_line
from spar.commands import command, in_directory
from spar.db.progress import RunProgress, StepProgress, read_progress
from spar.embedded.homes import FoundRun, find_run, reading
from spar.errors import HomeError
from spar.messages.base import StepKind
from spar.recipes.init import FIRST, iteration_name, place_of
from spar.report.next_step import next_step
from spar.report.plain_text import visible

RunArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="A run id, or a run directory. [default: the newest]")
]
DirOption = Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="The directory of the run.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def status(
    run: RunArgument = None, directory: DirOption = None, api: ApiOption = None, as_json: JsonOption = False
) -> None:
    """Show a run's progress."""
    if api and directory is None:
        with connect(api) as server:
            detail = server.detail(server.find(run))
        progress, advice = detail.progress, detail.next_step
    else:
        found = find_run(run, directory)
        progress = _read(found)
        advice = next_step(progress.status, progress.end, progress.run_id, in_directory(found.home.root), progress.lost)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(progress), default=str, indent=2))
    else:
        _print(progress, advice)


def _read(found: FoundRun) -> RunProgress:
    with reading(found.home) as session:
        progress = read_progress(session, found.run_id, found.home.in_use())
    if progress is None:
        raise HomeError(f"Run {found.run_id} no longer exists.", f"List the runs: {command('runs')}")
    return progress


def _print(run: RunProgress, advice: str | None) -> None:
    place = place_of(run.iteration, run.iterations, run.initialising)
    out.print(f"run {run.run_id}: {run.status}, {place}", markup=False, soft_wrap=True)
    if run.reason:
        out.print(f"reason: {visible(run.reason)}", markup=False, soft_wrap=True)
    if run.stuck is not None:
        out.print(f"stuck: {visible(run.stuck.what)}", style="bold red", markup=False, soft_wrap=True)
        out.print(f"fix: {visible(run.stuck.fix)}", markup=False, soft_wrap=True)
    if advice:
        out.print(f"next: {advice}", markup=False, soft_wrap=True)
    for alarm in run.alarms:
        out.print(f"alarm: {alarm}", style="bold yellow", markup=False, soft_wrap=True)
    if spent := spent_line(run.burn):
        out.print(spent, markup=False, soft_wrap=True)
    table = Table("iteration", "step", "done", "of", "in flight", "failed for good")
    for step in run.steps:
        numbers = (step.done, step.total, step.in_flight, step.dead)
        table.add_row(_name(step), str(step.kind), *map(str, numbers))
    out.print(table)
    for job in run.trainings:
        loss = "" if job.loss is None else f", loss {job.loss:.4f}"
        out.print(
            f"{iteration_name(job.iteration)}: {job.role} trained {job.step} of {job.steps} steps{loss}", markup=False
        )


def _name(step: StepProgress) -> str:
    if step.iteration >= FIRST:
        return str(step.iteration)
    return iteration_name(step.iteration, measured=step.kind is StepKind.EVALUATION)
