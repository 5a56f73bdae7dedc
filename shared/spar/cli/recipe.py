"""`spar recipe`: lists the built-in recipes and prints a recipe, resolved or as written."""

import json
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import print_warning
from spar.errors import DataError
from spar.recipes.builtins import builtin_names, extendable_names, method_names, recipe_text
from spar.recipes.combinations import warnings
from spar.recipes.composing import BACKBONES, composed_name
from spar.recipes.load import examine, open_recipe
from spar.recipes.models import Recipe
from spar.recipes.problems import Flaw, dotted, raise_for
from spar.recipes.showing import Shown, shown, written_out

OutOption = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Output file. [default: stdout]")]

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_recipes() -> None:
    """List the built-in recipes and methods. Each method combines with a model: METHOD-MODEL."""
    width = max(len(name) for name in builtin_names())
    for name in builtin_names():
        first = recipe_text(name).partition("\n")[0]
        typer.echo(f"{name:<{width}}  {first.removeprefix('#').strip()}")
    typer.echo(
        f"\nMETHOD-MODEL, such as {composed_name('self_rewarding', 'llama3-8b')}, combines a method with a model:"
    )
    typer.echo(f"  methods: {', '.join(method_names())}")
    typer.echo(f"  models: {', '.join(BACKBONES)}")


@app.command()
def reference(out: OutOption = None) -> None:
    """Write a reference of all recipe keys as Markdown."""
    from spar.recipes.reference import as_markdown

    _write(as_markdown(), out)


@app.command()
def schema(out: OutOption = None) -> None:
    """Write the JSON schema of recipe files, for editors."""
    from spar.recipes.schema import json_schema

    _write(json.dumps(json_schema(extendable_names()), indent=1, ensure_ascii=False) + "\n", out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{out} cannot be written: {error.strerror}.", "Name a file in an existing, writable folder."
        ) from error


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in recipe's name, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Print the file verbatim.")] = False,
    origins: Annotated[
        bool, typer.Option("--origins/--no-origins", help="Show the file and line of each value.")
    ] = True,
) -> None:
    """Print a recipe with every resolved value, or all its errors. Missing values are marked."""
    if source:
        typer.echo(recipe_text(name), nl=False)
        return
    opened = open_recipe(name, overrides or ())
    recipe, problems = examine(opened)
    if recipe is not None:
        found = shown(recipe, opened.source, problems)
        typer.echo(written_out(found, origins), nl=False)
        _warn(recipe, found)
    raise_for(opened.title, [problem for problem in problems if problem.flaw is not Flaw.MISSING], opened.source.places)


def _warn(recipe: Recipe, found: Shown) -> None:
    if found.missing:
        options = " ".join(f"--set {dotted(keys)}=VALUE" for keys in sorted(found.missing))
        print_warning(f"this recipe is incomplete: give {options}")
    for text in warnings(recipe):
        print_warning(text)
