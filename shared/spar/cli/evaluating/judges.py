"""Outside judges as the command line names them: `PLACE` or `NAME=PLACE`, several of them. Opens nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spar.errors import RecipeError

NAMED = re.compile(r"(?P<name>[a-z][a-z0-9_]*)=(?P<place>.+)")
"""A URL or a path with an equals sign holds another sign before it, or is written with a leading ./"""
TAKEN = ("rules", "self", "judge")
"""Names that other raters of a refinement have."""


@dataclass(frozen=True, slots=True)
class Judges:
    """`first` has no name of its own: its scores are called acc_judge. `named` are the others, acc_NAME."""

    first: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.first is not None or bool(self.named)


def read_judges(given: Sequence[str]) -> Judges:
    """The first without a name is the judge, each further one judge_2, judge_3 and so on. Raises RecipeError."""
    first: str | None = None
    named: dict[str, str] = {}
    for number, text in enumerate(given, start=1):
        match = NAMED.fullmatch(text)
        if match is None and first is None:
            first = text
            continue
        name, place = match.group("name", "place") if match is not None else (f"judge_{number}", text)
        if name in TAKEN or name in named:
            raise RecipeError(f"Two raters would be called '{name}'.", "Give each --judge a NAME= of its own.")
        named[name] = place
    return Judges(first, named)
