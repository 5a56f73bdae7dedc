"""`spar dead`: the dead letters of a run (steps that failed for good), at the API or in a home (--dir)."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.table import Table

from spar.cli.client import ApiOption, connect
from spar.cli.console import out
from spar.cli.status import DirOption, JsonOption, RunArgument
from spar.cli.tables import print_wide
from spar.commands import command, in_directory
from spar.db.runs import DeadLetter, dead_letters
from spar.embedded.homes import FoundRun, find_run, reading
from spar.errors import ConflictError, DataError
from spar.messages.commands import DROP, REPLAY, DropCommand, ReplayCommand
from spar.report.plain_text import visible

app = typer.Typer(no_args_is_help=True)

StepsOption = Annotated[
    list[int] | None, typer.Option("--step", metavar="STEP", help="A step's id; may be repeated. [default: all]")
]
SHOWN = 100  # characters of an error in a list


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of a run. `found` is the run's home; None: it is at the API."""

    run_id: str
    letters: Sequence[DeadLetter]
    found: FoundRun | None

    def chosen(self, steps: list[int] | None) -> tuple[int, ...]:
        """The named steps; without ids, all that are not dropped. Raises DataError for an id that is no dead letter."""
        known = {letter.step for letter in self.letters}
        if unknown := sorted(set(steps or ()) - known):
            listed = command("dead", "list", self.run_id, *self.where)
            raise DataError(
                f"Run {self.run_id} has no dead letter {', '.join(map(str, unknown))}.", f"List them: {listed}"
            )
        wanted = {letter.step for letter in self.letters if not letter.dropped} if steps is None else set(steps)
        return tuple(sorted(wanted))

    @property
    def where(self) -> tuple[str, ...]:
        return () if self.found is None else in_directory(self.found.home.root)


@app.command("list")
def list_(
    run: RunArgument = None, directory: DirOption = None, api: ApiOption = None, as_json: JsonOption = False
) -> None:
    """List the steps that failed for good, with their errors."""
    dead = _letters(run, directory, api)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(letter) for letter in dead.letters], default=str, indent=2))
        return
    if not dead.letters:
        out.print(f"run {dead.run_id}: no step has failed for good", markup=False, soft_wrap=True)
        return
    table = Table("step", "iteration", "kind", "part", "prompts", "attempts", "state", "error")
    for letter in dead.letters:
        numbers = (letter.step, letter.iteration, letter.kind, letter.part, letter.prompts, letter.attempts)
        table.add_row(*map(str, numbers), "dropped" if letter.dropped else "dead", visible(letter.reason or "")[:SHOWN])
    print_wide(table)


@app.command()
def show(
    step: Annotated[int, typer.Argument(metavar="STEP", help="The step's id, as listed.")],
    run: RunArgument = None,
    directory: DirOption = None,
    api: ApiOption = None,
) -> None:
    """Show one dead letter with its full error."""
    dead = _letters(run, directory, api)
    dead.chosen([step])
    [letter] = [each for each in dead.letters if each.step == step]
    for name, fact in dataclasses.asdict(letter).items():
        out.print(f"{name}: {visible(str(fact))}", markup=False, soft_wrap=True)


@app.command()
def retry(
    run: RunArgument = None, steps: StepsOption = None, directory: DirOption = None, api: ApiOption = None
) -> None:
    """Retry dead letters. A finished run is rewound to where they failed; unchanged results are reused."""
    dead = _letters(run, directory, api)
    wanted = dead.chosen(steps)
    if not wanted:
        out.print(f"run {dead.run_id}: no step to retry", markup=False, soft_wrap=True)
        return
    _send(dead, api, REPLAY, ReplayCommand(run_id=dead.run_id, steps=wanted))
    then = "" if dead.found is None else f"; resume the run: {command('resume', dead.run_id, *dead.where)}"
    out.print(f"run {dead.run_id}: {len(wanted)} to be retried{then}", markup=False, soft_wrap=True)


@app.command()
def drop(
    run: RunArgument = None, steps: StepsOption = None, directory: DirOption = None, api: ApiOption = None
) -> None:
    """Accept the loss of steps. A resume does not retry them, and their prompts count as engine_failed."""
    dead = _letters(run, directory, api)
    wanted = dead.chosen(steps)
    if wanted:
        _send(dead, api, DROP, DropCommand(run_id=dead.run_id, steps=wanted))
    out.print(f"run {dead.run_id}: {len(wanted)} dropped", markup=False, soft_wrap=True)


def _letters(run: str | None, directory: DirOption, api: str | None) -> Letters:
    if api and directory is None:
        with connect(api) as server:
            run_id = server.find(run)
            return Letters(run_id, server.dead_letters(run_id), None)
    found = find_run(run, directory)
    with reading(found.home) as session:
        return Letters(found.run_id, dead_letters(session, found.run_id), found)


def _send(dead: Letters, api: str | None, kind: str, wanted: ReplayCommand | DropCommand) -> None:
    if dead.found is None:
        with connect(api) as server:
            server.command(dead.run_id, f"dead-letters/{kind}", wanted.steps)
        return
    from spar.embedded.commands import ask

    taken = ask(dead.found.home, kind, wanted)
    if taken.error:
        raise ConflictError(f"{taken.error[0].upper()}{taken.error[1:]}.", "See its state: spar status.")
