"""`spar profile`: where a run's time went, what limits it, and what would help."""

import typer
from pydantic import TypeAdapter
from rich.table import Table

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, JsonOption, RunArgument
from spar.cli.tables import print_wide
from spar.embedded.homes import find_run, reading
from spar.recipes.init import iteration_name
from spar.report.formats import duration, percent
from spar.report.profile.model import IterationProfile, RunningTime, RunProfile
from spar.report.profile.read import read_profile

PARTS = ("engine", "training", "loading", "store", "turn", "own")
UNKNOWN = "?"
"""In place of a figure that nobody measured."""


def profile(
    run: RunArgument = None, directory: DirOption = None, api: ApiOption = None, as_json: JsonOption = False
) -> None:
    """Show where a run's time went, by step and by worker, and what would make it faster."""
    if api and directory is None:
        with connect(api) as server:
            made = server.profile(server.find(run))
    else:
        found = find_run(run, directory)
        with reading(found.home) as session:
            made = read_profile(session, found.run_id)
    if as_json:
        typer.echo(TypeAdapter(RunProfile).dump_json(made, indent=2).decode())
    else:
        _print(made)


def _print(made: RunProfile) -> None:
    out.print(f"run {made.run_id}: active for {duration(made.active_s)}", markup=False, soft_wrap=True)
    if made.unfinished or made.dead:
        left = f"not included: {made.unfinished} unfinished steps, {made.dead} dead letters"
        out.print(left, markup=False, soft_wrap=True)
    print_wide(_kinds(made))
    print_wide(_workers(made))
    for iteration in made.iterations:
        out.print(_iteration_line(iteration), markup=False, soft_wrap=True)
    for sentence in made.advice:
        out.print(f"advice: {sentence}", markup=False, soft_wrap=True)


def _kinds(made: RunProfile) -> Table:
    table = Table("step", "steps", "reused", "by clock", "held", "queued", "retried", "running", *PARTS)
    for kind in made.kinds:
        seconds = (kind.by_clock_s, kind.held_s, kind.queued_s, kind.retried_s, kind.running.total_s)
        table.add_row(
            kind.kind.value, str(kind.steps), str(kind.reused), *map(duration, seconds), *_shares(kind.running)
        )
    return table


def _workers(made: RunProfile) -> Table:
    table = Table("worker", "steps", "at once", "busy", "queue", "idle", *PARTS)
    for worker in made.workers:
        times = (worker.busy.total_s, worker.queue_s, worker.idle_s)
        shares = [percent(each / worker.wall_s) if worker.wall_s else UNKNOWN for each in times]
        table.add_row(worker.worker, str(worker.steps), str(worker.at_once), *shares, *_shares(worker.busy))
    return table


def _shares(running: RunningTime) -> list[str]:
    """Of the time that was measured."""
    measured = running.total_s - running.unknown_s
    return [percent(getattr(running, f"{part}_s") / measured) if measured > 0 else UNKNOWN for part in PARTS]


def _iteration_line(iteration: IterationProfile) -> str:
    largest = sorted(iteration.limits.items(), key=lambda item: -item[1])
    shares = [f"{limit.value} {percent(each / iteration.seconds)}" for limit, each in largest if iteration.seconds]
    line = f"{iteration_name(iteration.iteration)}: {duration(iteration.seconds)} on its critical path"
    return f"{line}: {', '.join(shares)}" if shares else line
