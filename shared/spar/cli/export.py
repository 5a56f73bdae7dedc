"""`spar export`: writes a run's pairs and refiner examples as other trainers read them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spar.cli.console import out
from spar.cli.history import DirOption, RunArgument
from spar.cli.homes import find_run, reading
from spar.export.formats import FormatName, SetName
from spar.export.writing import check_free, write_export

What = Literal["pairs", "examples", "all"]

FormatOption = Annotated[FormatName, typer.Option("--format", help="The trainer, or the form of the rows.")]
WhatOption = Annotated[What, typer.Option("--what", help="The actor's pairs, the refiner's examples, or both.")]
IterationOption = Annotated[int | None, typer.Option("--iteration", min=1, help="One iteration. [default: all]")]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder that is empty or not there yet.")]

_SETS: dict[What, list[SetName]] = {"pairs": ["pairs"], "examples": ["examples"], "all": ["pairs", "examples"]}


def export(
    run: RunArgument,
    format_: FormatOption,
    to: OutOption,
    what: WhatOption = "all",
    iteration: IterationOption = None,
    directory: DirOption = None,
) -> None:
    """Write a run's training data as other trainers read it."""
    from spar.report.training_data import read_training_data
    from spar.store.directory import DirectoryStore

    check_free(to)
    found = find_run(run, directory)
    with reading(found.home) as session:
        facts, data = read_training_data(session, DirectoryStore(found.home.store), found.run_id, iteration)
    manifest = write_export(facts, data, _SETS[what], format_, to)
    for name, file in manifest["sets"].items():
        out.print(f"{to / file}: {manifest['rows'][name]} rows", markup=False, soft_wrap=True)
    empty = [name for name in _SETS[what] if name not in manifest["sets"]]
    if empty:
        out.print(f"no {' and no '.join(empty)} there", markup=False)
    out.print(f"card: {to / 'README.md'}", markup=False, soft_wrap=True)
