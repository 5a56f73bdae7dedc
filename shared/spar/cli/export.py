"""`spar export`: writes a run's training data as other trainers read it, or one of its models as others load it."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from spar.cli.console import out
from spar.cli.history import DirOption, RunArgument
from spar.cli.homes import Found, find_run, reading
from spar.errors import DataError
from spar.export.formats import FormatName, SetName
from spar.export.writing import check_free, write_export
from spar.method.records import ExampleKind
from spar.recipes.init import ACTOR, iteration_name

What = Literal["pairs", "examples", "all", "actor", "refiner"]

FormatOption = Annotated[
    FormatName | None, typer.Option("--format", help="The trainer, or the form of the rows. Data needs one.")
]
WhatOption = Annotated[
    What, typer.Option("--what", help="The actor's pairs, the refiner's examples, both; or a trained model.")
]
IterationOption = Annotated[
    int | None,
    typer.Option(
        "--iteration",
        min=ACTOR,
        help="One iteration; -1: what the actor was initialised with, 0: the refiner. "
        "[default: all; of a model the newest]",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="A folder that is empty or not there yet.")]
MergeOption = Annotated[bool, typer.Option("--merge", help="Merge an adapter into its base: a whole model.")]
LicenceOption = Annotated[
    str | None, typer.Option("--license", metavar="ID", help="What the card says; without it: other, and why.")
]
KindOption = Annotated[
    list[ExampleKind] | None,
    typer.Option("--kind", help="Only examples of this kind, such as response or refinement; may be repeated."),
]
SETS: dict[str, list[SetName]] = {"pairs": ["pairs"], "examples": ["examples"], "all": ["pairs", "examples"]}


def export(  # noqa: PLR0913 - a command has as many options as it has
    run: RunArgument,
    to: OutOption,
    format_: FormatOption = None,
    what: WhatOption = "all",
    iteration: IterationOption = None,
    directory: DirOption = None,
    merge: MergeOption = False,
    licence: LicenceOption = None,
    kind: KindOption = None,
) -> None:
    """Write a run's training data as other trainers read it, or a trained model with its card and GGUF steps."""
    check_free(to)
    found = find_run(run, directory)
    write_out(found, what, format_, iteration, to, merge, licence, kind or ())


def write_out(  # noqa: PLR0913 - the command's options
    found: Found,
    what: What,
    format_: FormatName | None,
    iteration: int | None,
    to: Path,
    merge: bool,
    licence: str | None,
    kinds: Collection[ExampleKind] = (),
) -> None:
    """Write it and tell what was written. Raises DataError for what does not fit together."""
    if what in ("actor", "refiner"):
        if format_ is not None:
            raise DataError("A model has no --format.", "Leave it out, or export --what pairs, examples or all.")
        _write_model(found, what, iteration, to, merge, licence)
    elif merge:
        raise DataError("Only a model can be merged.", "Name one: --what actor or --what refiner.")
    elif format_ is None:
        raise DataError("It is not said for which trainer.", "Give --format trl, or another one: spar export --help.")
    else:
        _write_data(found, what, format_, iteration, to, licence, kinds)


def _write_data(
    found: Found,
    what: What,
    format_: FormatName,
    iteration: int | None,
    to: Path,
    licence: str | None,
    kinds: Collection[ExampleKind],
) -> None:
    from spar.report.training_data import read_training_data
    from spar.store.directory import DirectoryStore

    with reading(found.home) as session:
        facts, data = read_training_data(session, DirectoryStore(found.home.store), found.run_id, iteration)
    if kinds:
        data = [replace(one, examples=[row for row in one.examples if row.kind in kinds]) for one in data]
    manifest = write_export(facts, data, SETS[what], format_, to, licence)
    for name, file in manifest["sets"].items():
        out.print(f"{to / file}: {manifest['rows'][name]} rows", markup=False, soft_wrap=True)
    empty = [name for name in SETS[what] if name not in manifest["sets"]]
    if empty:
        out.print(f"no {' and no '.join(empty)} there", markup=False)
    out.print(f"card: {to / 'README.md'}", markup=False, soft_wrap=True)


def _write_model(
    found: Found, role: Literal["actor", "refiner"], iteration: int | None, to: Path, merge: bool, licence: str | None
) -> None:
    from spar.embedded.model_export import export_model
    from spar.report.trained_models import read_model_facts
    from spar.store.directory import DirectoryStore

    with reading(found.home) as session:
        store = DirectoryStore(found.home.store)
        facts, model, ref = read_model_facts(session, store, found.run_id, role, iteration)
    files = export_model(found.home, facts, model, ref, to, merge, licence)
    told = f"{role} of {iteration_name(model.iteration)} ({model.fingerprint[:16]})"
    out.print(f"{to}: {told}, {len(files)} files", markup=False, soft_wrap=True)
    out.print(f"card: {to / 'README.md'}; as GGUF: {to / 'GGUF.md'}", markup=False, soft_wrap=True)
