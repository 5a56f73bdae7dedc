"""`spar demo`: the built-in recipe `demo`, a complete SPaR training of tiny models in minutes on a laptop."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.run import SetOption, execute
from spar.embedded.homes import RUNS
from spar.recipes.load import load_recipe


def demo(
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where the run is kept.")] = RUNS / "demo",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all sampling and training.")] = 0,
    set_: SetOption = None,
) -> None:
    """Train the story world's tiny models for three iterations, and show what they gained."""
    sys.exit(execute(load_recipe("demo", [f"seed={seed}", *(set_ or [])]), directory))
