"""`spar sets`: imports training sets made elsewhere, such as the authors' release of SPaR."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.console import out
from spar.cli.import_notes import nothing_kept, warn_of_unused
from spar.cli.source_options import Encoding, Split, Tools

if TYPE_CHECKING:
    from spar.data.sets.importing import SetsManifest

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """Import training sets."""


Paths = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Files, saved datasets, or folders of data files.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for sets, rejects and manifest.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace an earlier import in DIR.")]


@app.command("import")
def import_(
    paths: Paths,
    to: Out,
    replace: Replace = False,
    tools: Tools = "reject",
    encoding: Encoding = "utf-8",
    split: Split = "train",
) -> None:
    """Import conversations and pairs for training. They are sorted by task, and every row is accounted for."""
    from spar.data.sets.importing import import_sets
    from spar.data.sources import Options
    from spar.data.text_rows import TextRules

    options = Options(encoding=encoding, split=split)
    _print(import_sets(paths, to, replace, TextRules(tools=tools), options), to)


def _print(manifest: "SetsManifest", to: Path) -> None:
    rejects = to / "rejects.jsonl"
    lines = [("rows read", manifest.read), *((f"- {kind}", number) for kind, number in manifest.rejected.items())]
    lines += [(f"= {kind}", number) for kind, number in manifest.sets.items()]
    for name, count in lines:
        out.print(f"{name:<20} {count:>10,}", markup=False)
    for name, note in manifest.notes.items():
        out.print(f"{name}: {note}", markup=False, soft_wrap=True)
    if manifest.left_alone:
        named = ", ".join(f"{name} ({what})" for name, what in manifest.left_alone.items())
        out.print(f"not read: {named}", markup=False, soft_wrap=True)
    if not manifest.kept:
        raise nothing_kept("training row", manifest.unused, rejects)
    warn_of_unused("training row", manifest.unused)
    if manifest.rejected:
        out.print(f"reasons: {rejects}", markup=False, soft_wrap=True)
