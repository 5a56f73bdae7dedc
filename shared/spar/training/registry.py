"""Finds a trainer by its kind, through the entry-point group `spar.trainers`, built-in and third-party alike.

An entry point is `make() -> Trainer`; a training's settings come with its job.
"""

from importlib.metadata import entry_points
from typing import cast

from spar.errors import RecipeError
from spar.packages import explained
from spar.training.base import Trainer

GROUP = "spar.trainers"


def trainer_kinds() -> list[str]:
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def make_trainer(kind: str) -> Trainer:
    for entry in entry_points(group=GROUP, name=kind):
        try:
            make = entry.load()
            return cast(Trainer, make())
        except ModuleNotFoundError as error:
            raise explained(error) from error
    raise RecipeError(
        f"training kind '{kind}' is not installed.",
        f"Choose one of: {', '.join(trainer_kinds())}.",
    )
