"""`spar export`: writes training data in other trainers' formats, or one of a run's models for other libraries.

The data is a run's, or the output of `spar refine`.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from spar.cli.console import out, print_warning
from spar.cli.history import DirOption
from spar.embedded.homes import FoundRun, find_run, reading
from spar.errors import DataError
from spar.export.facts import ExportedIteration, RunFacts
from spar.export.formats import FormatName, SetName
from spar.export.writing import check_free, write_export
from spar.method.records import ExampleKind
from spar.recipes.init import ACTOR, iteration_name

What = Literal["pairs", "examples", "all", "actor", "refiner"]

SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN|FILE...",
        help="A run id or its start, or a run directory; or output files of `spar refine`.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    FormatName | None, typer.Option("--format", help="The trainer, or the format of the rows. Required for data.")
]
WhatOption = Annotated[
    What, typer.Option("--what", help="The actor's pairs, the refiner's examples, all (both), or a trained model.")
]
IterationOption = Annotated[
    int | None,
    typer.Option(
        "--iteration",
        min=ACTOR,
        help="One iteration; -1: the actor's initialisation, 0: the refiner's. [default: all; for a model, the newest]",
    ),
]
OutOption = Annotated[Path, typer.Option("--out", metavar="DIR", help="An empty or new folder.")]
MergeOption = Annotated[bool, typer.Option("--merge", help="Merge an adapter into its base model.")]
LicenceOption = Annotated[
    str | None, typer.Option("--license", metavar="ID", help="The card's licence. [default: other, with the reason]")
]
KindOption = Annotated[
    list[ExampleKind] | None,
    typer.Option("--kind", help="Only examples of this kind, such as response or refinement; may be repeated."),
]
SETS: dict[str, list[SetName]] = {"pairs": ["pairs"], "examples": ["examples"], "all": ["pairs", "examples"]}


def export(  # noqa: PLR0913 - the command's options
    sources: SourcesArgument,
    to: OutOption,
    format_: FormatOption = None,
    what: WhatOption = "all",
    iteration: IterationOption = None,
    directory: DirOption = None,
    merge: MergeOption = False,
    licence: LicenceOption = None,
    kind: KindOption = None,
) -> None:
    """Export training data of a run or of `spar refine` in a trainer's format, or a trained model with its card."""
    check_free(to)
    files = [Path(source) for source in sources if Path(source).is_file()]
    if files and len(files) == len(sources):
        write_refined(files, what, format_, iteration, to, licence, kind or ())
    elif len(sources) == 1:
        write_out(find_run(sources[0], directory), what, format_, iteration, to, merge, licence, kind or ())
    else:
        missing = next(source for source in sources if not Path(source).is_file())
        raise DataError(f"{missing} is not a file: several sources must all be files.", "Name one run, or files.")


def write_refined(
    files: Sequence[Path],
    what: What,
    format_: FormatName | None,
    iteration: int | None,
    to: Path,
    licence: str | None,
    kinds: Collection[ExampleKind] = (),
) -> None:
    """Export output of `spar refine`. Raises DataError for what such a file does not have."""
    from spar.inference.batch.training_data import read_refined_files

    if what in ("actor", "refiner"):
        raise DataError("The output of `spar refine` holds no model.", "Export --what pairs, examples or all.")
    if iteration is not None:
        raise DataError("The output of `spar refine` has no iterations.", "Leave --iteration out.")
    facts, found = read_refined_files(files)
    for path, file in zip(files, found, strict=True):
        if file.no_examples is not None and what != "pairs":
            print_warning(f"{path} has no refiner examples: {file.no_examples}.")
    _write(facts, [file.data for file in found], what, _chosen(format_), to, licence, kinds)


def write_out(  # noqa: PLR0913 - the command's options
    found: FoundRun,
    what: What,
    format_: FormatName | None,
    iteration: int | None,
    to: Path,
    merge: bool,
    licence: str | None,
    kinds: Collection[ExampleKind] = (),
) -> None:
    """Write a run's data or model and print what was written. Raises DataError for conflicting options."""
    if what in ("actor", "refiner"):
        if format_ is not None:
            raise DataError("A model has no --format.", "Leave it out, or export --what pairs, examples or all.")
        _write_model(found, what, iteration, to, merge, licence)
    elif merge:
        raise DataError("Only a model can be merged.", "Name one: --what actor or --what refiner.")
    else:
        _write_data(found, what, _chosen(format_), iteration, to, licence, kinds)


def _chosen(format_: FormatName | None) -> FormatName:
    if format_ is None:
        raise DataError("Training data needs a --format.", "Give --format trl, or another: spar export --help.")
    return format_


def _write_data(
    found: FoundRun,
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
    _write(facts, data, what, format_, to, licence, kinds)


def _write(
    facts: RunFacts,
    data: list[ExportedIteration],
    what: What,
    format_: FormatName,
    to: Path,
    licence: str | None,
    kinds: Collection[ExampleKind],
) -> None:
    if kinds:
        data = [replace(one, examples=[row for row in one.examples if row.kind in kinds]) for one in data]
    manifest = write_export(facts, data, SETS[what], format_, to, licence)
    for name, file in manifest["sets"].items():
        out.print(f"{to / file}: {manifest['rows'][name]} rows", markup=False, soft_wrap=True)
    empty = [name for name in SETS[what] if name not in manifest["sets"]]
    if empty:
        out.print(f"no {' and no '.join(empty)} to export", markup=False)
    out.print(f"card: {to / 'README.md'}", markup=False, soft_wrap=True)


def _write_model(
    found: FoundRun,
    role: Literal["actor", "refiner"],
    iteration: int | None,
    to: Path,
    merge: bool,
    licence: str | None,
) -> None:
    from spar.embedded.model_export import export_model
    from spar.report.trained_models import read_model_facts
    from spar.store.directory import DirectoryStore

    with reading(found.home) as session:
        store = DirectoryStore(found.home.store)
        facts, model, ref = read_model_facts(session, store, found.run_id, role, iteration)
    files = export_model(found.home, facts, model, ref, to, merge, licence)
    title = f"{role} of {iteration_name(model.iteration)} ({model.fingerprint[:16]})"
    out.print(f"{to}: {title}, {len(files)} files", markup=False, soft_wrap=True)
    out.print(f"card: {to / 'README.md'}; as GGUF: {to / 'GGUF.md'}", markup=False, soft_wrap=True)
