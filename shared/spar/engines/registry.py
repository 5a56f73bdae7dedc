"""Finds an engine by its kind, through the entry-point group `spar.engines`: our own and third parties' alike.

An entry point is a function `make(settings: EngineSettings) -> Engine`.
"""

from importlib.metadata import entry_points
from typing import cast

from spar.engines.base import Engine
from spar.errors import RecipeError
from spar.packages import explained
from spar.recipes.models import EngineSettings

GROUP = "spar.engines"


def engine_kinds() -> list[str]:
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def make_engine(settings: EngineSettings) -> Engine:
    for entry in entry_points(group=GROUP, name=settings.kind):
        try:
            make = entry.load()
        except ModuleNotFoundError as error:
            raise explained(error) from error
        return cast(Engine, make(settings))
    raise RecipeError(
        f"engine.kind is '{settings.kind}', which is not installed.",
        f"Choose one of: {', '.join(engine_kinds())}.",
    )
