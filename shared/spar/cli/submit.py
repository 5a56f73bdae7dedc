"""`spar submit`: checks a recipe here, then sends it to the API with the files that it names."""

from pathlib import Path
from typing import Annotated

import typer

from spar.cli.client import ApiOption, connect
from spar.cli.console import out, print_warning
from spar.cli.watch import follow
from spar.errors import DataError
from spar.recipes.load import load_recipe
from spar.recipes.models import Recipe
from spar.recipes.paths import TEMPLATE_FILES, names_a_file

PARTS = dict(zip(TEMPLATE_FILES, ("judge", "refine"), strict=True))
"""A template's file, and the form's part that carries it."""

SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, such as seed=1.")
]


def submit(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A built-in recipe's name, or a YAML file.")],
    set_: SetOption = None,
    api: ApiOption = None,
    watch: Annotated[bool, typer.Option("--watch", help="Watch it until it ends.")] = False,
) -> None:
    """Submit a recipe to the API, or resume the recipe's run there. Prints the run's id."""
    loaded = load_recipe(recipe, set_ or [], run_here=False)
    files = dict(_files(loaded))
    with connect(api) as server:
        answer = server.submit(loaded.model_dump_json(), files)
        if answer["rejected"]:
            first = answer["rejects"][0]
            example = f"the first is line {first['line']}: {first['reason']}"
            print_warning(f"{answer['rejected']} rows of the prompts file cannot be used; {example}")
        for note in answer.get("notes", ()):  # an older server sends none
            print_warning(note)
        out.print(answer["run_id"], markup=False, soft_wrap=True)
        if watch:
            raise typer.Exit(follow(server, answer["run_id"]))


def _files(recipe: Recipe) -> list[tuple[str, tuple[str, bytes]]]:
    found = []
    if names_a_file(("prompts", "source"), recipe.prompts.source):
        path = Path(recipe.prompts.source)
        found.append(("prompts", (path.name, _read(path))))
    if names_a_file(("templates",), recipe.templates):
        found += [(part, (name, _read(Path(recipe.templates) / name))) for name, part in PARTS.items()]
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the file and its permissions.") from error
