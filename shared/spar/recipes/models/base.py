"""The base of every section of a recipe, and the kinds of numbers in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a number, for the reference; `none` for a bare number."""

    name: str


Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(gt=0, le=1), Unit("share")]
Share = Annotated[float, Field(ge=0, le=1), Unit("share")]
Temperature = Annotated[float, Field(ge=0, le=2), Unit("none")]


class Misfit(ValueError):
    """Conflicting values of one section; `between` names their keys."""

    def __init__(self, what: str, between: tuple[str, ...]) -> None:
        super().__init__(what)
        self.between = between


class Section(BaseModel):
    """A part of a recipe: immutable, and an unknown key is an error. The text under a field is its description."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    former_keys: ClassVar[Mapping[str, str]] = {}
    """Present names by former ones, which are still read (`spar.recipes.former_keys`)."""

    @model_validator(mode="before")
    @classmethod
    def _read_former_keys(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not cls.former_keys.keys() & data.keys():
            return data
        return {key if (now := cls.former_keys.get(key, key)) in data else now: value for key, value in data.items()}


def omitted_when_default(default: Any) -> Any:
    """A field added after results were stored. At its default it is not written and not part of any identity, so that
    earlier results are still found."""
    return Field(default=default, exclude_if=lambda value: value == default)
