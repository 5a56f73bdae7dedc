"""Commands whose options are the fields of a dataclass, so that each option is declared once and passed as one value.

typer reads an option from a field's `Annotated` type and its default. Knows no command.
"""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from spar.errors import RecipeError

Settings = TypeVar("Settings")


def options_of(settings: type[Settings]) -> Callable[[Callable[[Settings], None]], Callable[..., None]]:
    """Give a command that takes this dataclass a signature of its fields, for typer to read."""
    hints = get_type_hints(settings, include_extras=True)

    def decorate(command: Callable[[Settings], None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given: Any) -> None:
            command(settings(**given))

        parameters = [_parameter(field, hints[field.name]) for field in fields(settings)]  # type: ignore[arg-type]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {name: hints[name] for name in hints}
        return run

    return decorate


def require_other_file(output: Path, source: Path) -> None:
    """Raises RecipeError for an output that would overwrite what the command reads."""
    if output.resolve() == source.resolve():
        raise RecipeError(f"--out is the input itself ({source}).", "Write to another file.")


def _parameter(field: "Field[Any]", annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
