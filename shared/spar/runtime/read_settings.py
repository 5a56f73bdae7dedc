"""Reads a process's settings from its environment, and reports what is wrong with them without their values."""

from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from spar.errors import ServiceError
from spar.texts import plain_message

S = TypeVar("S", bound=BaseSettings)
FIX = "Correct it in the environment (or .env); docs/reference/environment.md lists them."


def read_settings(kind: type[S], **given: Any) -> S:
    """Raises ServiceError that names what is wrong. A value may be a credential, or in the wrong variable: none is
    repeated, and the error that has them is not shown as a cause."""
    try:
        return kind(**given)
    except ValidationError as error:
        problems = "; ".join(
            f"{_name(kind, each['loc'])}: {plain_message(each['msg'])}" for each in error.errors(include_input=False)
        )
    except SettingsError as error:
        problems = f"one that has to be JSON is not ({str(error).partition(' from ')[0]})"
    raise ServiceError(f"The settings are not as they should be: {problems}.", FIX) from None


def _name(kind: type[BaseSettings], place: tuple[int | str, ...]) -> str:
    """The variable, and the place in it: a key may be a value put at the wrong end, so no further than the field."""
    return f"{kind.model_config.get('env_prefix', '')}{place[0] if place else ''}".upper()
