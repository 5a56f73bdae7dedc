"""`spar sets`: brings training sets in that others made, such as the authors' release of SPaR."""

from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import out

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Bring training sets in."""


@app.command("import")
def import_(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Folders of JSON files (LLaMA-Factory's layouts), or files.")
    ],
    to: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the sets, rejects and manifest go.")],
    replace: Annotated[bool, typer.Option("--replace", help="Write an earlier import in DIR anew.")] = False,
) -> None:
    """Read conversations and pairs, sort them by what they teach, and tell every row that is left out."""
    from spar.data.sets.importing import REJECTS, import_sets

    manifest = import_sets(paths, to, replace)
    lines = [("rows read", manifest.read), *((f"- {kind}", number) for kind, number in manifest.rejected.items())]
    lines += [(f"= {kind}", number) for kind, number in manifest.sets.items()]
    for name, count in lines:
        out.print(f"{name:<20} {count:>10,}", markup=False)
    if manifest.rejected:
        out.print(f"why not: {to / REJECTS}", markup=False, soft_wrap=True)
