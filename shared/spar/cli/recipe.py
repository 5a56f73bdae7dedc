"""`spar recipe`: lists the built-in recipes and prints a recipe, resolved or as written."""

from typing import Annotated

import typer

from spar.cli.console import print_warning
from spar.recipes.combinations import warnings
from spar.recipes.load import builtin_names, load_recipe, recipe_path, to_yaml

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_recipes() -> None:
    """List the built-in recipes, each with its first line."""
    width = max(len(name) for name in builtin_names())
    for name in builtin_names():
        first = recipe_path(name).read_text(encoding="utf-8").partition("\n")[0]
        typer.echo(f"{name:<{width}}  {first.removeprefix('#').strip()}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in recipe's name, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value.")] = None,
    source: Annotated[bool, typer.Option("--source", help="Print the file as it is written.")] = False,
) -> None:
    """Print a recipe with every value it resolves to, or tell everything that is wrong with it."""
    if source:
        typer.echo(recipe_path(name).read_text(encoding="utf-8"), nl=False)
        return
    recipe = load_recipe(name, overrides or ())
    typer.echo(to_yaml(recipe), nl=False)
    for text in warnings(recipe):
        print_warning(text)
