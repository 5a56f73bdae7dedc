"""`spar push`: uploads a run's data or model to the Hugging Face Hub; without --yes it shows what it would send."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from spar.cli.console import out
from spar.cli.export import IterationOption, LicenceOption, MergeOption, What, write_out
from spar.cli.history import DirOption, RunArgument
from spar.embedded.homes import find_run
from spar.export.formats import FormatName

ToOption = Annotated[Literal["hub"], typer.Option("--to", help="Destination: the Hugging Face Hub.")]
RepoArgument = Annotated[str, typer.Argument(metavar="REPO", help="OWNER/NAME; created if missing.")]
WhatOption = Annotated[What, typer.Option("--what", help="Data (in a dataset repository), or a trained model.")]
FormatOption = Annotated[FormatName, typer.Option("--format", help="Format of data, as for spar export.")]
PublicOption = Annotated[bool, typer.Option("--public", help="Make a new repository public. [default: private]")]
YesOption = Annotated[bool, typer.Option("--yes", help="Upload; without it, only a preview.")]
EndpointOption = Annotated[str | None, typer.Option("--endpoint", metavar="URL", help="URL of another hub.")]
KIB = 1024


def push(  # noqa: PLR0913 - the command's options
    run: RunArgument,
    repo: RepoArgument,
    to: ToOption = "hub",
    what: WhatOption = "all",
    format_: FormatOption = "parquet",
    iteration: IterationOption = None,
    directory: DirOption = None,
    merge: MergeOption = False,
    licence: LicenceOption = None,
    public: PublicOption = False,
    endpoint: EndpointOption = None,
    yes: YesOption = False,
) -> None:
    """Upload a run's data or a model with its card. Without --yes nothing leaves this machine."""
    from spar.export.hub import Target, check_repo, files_of, send

    model = what in ("actor", "refiner")
    target = Target(check_repo(repo), "model" if model else "dataset", not public, endpoint)
    found = find_run(run, directory)
    with tempfile.TemporaryDirectory(dir=found.home.work if found.home.work.is_dir() else None) as place:
        folder = Path(place) / "push"
        write_out(found, what, None if model else format_, iteration, folder, merge, licence)
        out.print(f"\n{target.kind} {repo} ({'public' if public else 'private'}):", markup=False, soft_wrap=True)
        for name, size in files_of(folder):
            out.print(f"  {name}  {size / KIB:,.1f} KiB", markup=False, soft_wrap=True)
        if yes:
            url = send(folder, target, f"Run {found.run_id}")
            out.print(f"sent: {url}", markup=False, soft_wrap=True)
            return
        out.print("\n" + (folder / "README.md").read_text(encoding="utf-8"), markup=False, soft_wrap=True)
    out.print("Nothing was sent: this is a preview. Add --yes to send it.")
