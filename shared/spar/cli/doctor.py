"""`spar doctor`: checks this host, or, given a run, whether its database rows and objects are consistent.

The host's checks are in `spar.host_checks.checks`; a run's, in `doctor_run`.
"""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from spar.cli.console import out
from spar.cli.stack import StackOption
from spar.cli.status import DirOption
from spar.errors import RecipeError
from spar.host_checks.checks import CheckState, HostCheck, run_checks

STYLES = {
    CheckState.OK: "green",
    CheckState.WARNING: "yellow",
    CheckState.MISSING: "red",
    CheckState.UNREACHABLE: "red",
}
BAD = (CheckState.MISSING, CheckState.UNREACHABLE)


def doctor(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Check a run: its id, or its directory.", show_default=False)
    ] = None,
    directory: DirOption = None,
    stack: StackOption = False,
    fix: Annotated[bool, typer.Option("--fix", help="Repair what can be repaired without losing data.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check what is installed, reachable or missing, or a run's invariants; exit code 1 if anything is wrong."""
    if run is not None or directory is not None or stack:
        from spar.cli.doctor_run import doctor_run

        raise typer.Exit(doctor_run(run, directory, stack, fix, as_json))
    if fix:
        raise RecipeError("--fix repairs a run, and none is named.", "Name it: spar doctor RUN --fix.")
    checks = list(run_checks())
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    raise typer.Exit(worst_exit_code(checks))


def worst_exit_code(checks: list[HostCheck]) -> int:
    return 1 if any(check.state in BAD for check in checks) else 0


def _print(checks: list[HostCheck]) -> None:
    table = Table("check", "state", box=None, pad_edge=False)
    table.add_column("found", overflow="fold")
    for check in checks:
        detail = check.detail + (f"\n{check.fix}" if check.fix else "")
        table.add_row(Text(check.name), Text(check.state, style=STYLES[check.state]), Text(detail))
    out.print(table)
    bad = sum(check.state in BAD for check in checks)
    out.print(f"{bad} of {len(checks)} checks need a fix." if bad else "All checks passed.")
