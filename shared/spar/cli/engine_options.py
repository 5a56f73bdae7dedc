"""`--body` and `--header`, extra fields and headers of every request to a server, and `--judge`. Knows no command."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from spar.errors import RecipeError

BodyOption = Annotated[
    str | None,
    typer.Option(
        "--body",
        metavar="JSON",
        help='Extra fields of every request to a server: \'{"chat_template_kwargs": {"enable_thinking": false}}\'.',
    ),
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="NAME:VALUE",
        help="Extra header of every request to a server; write credentials as ${ENVIRONMENT_VARIABLE}.",
    ),
]
NAMED_JUDGE = re.compile(r"(?P<name>[a-z][a-z0-9_]*)=(?P<place>.+)")
"""A URL with an equals sign has another character before it; write a path with one with a leading ./"""
RATERS = ("rules", "self", "judge")
"""Names of the other raters of a refinement."""


def body_of(text: str | None) -> dict[str, Any]:
    """Raises RecipeError."""
    if text is None:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise RecipeError(f"--body is not JSON: {error}.", 'Write an object: {"name": value}.') from error
    if not isinstance(body, dict):
        raise RecipeError("--body is not a JSON object.", 'Write one: {"name": value}.')
    return body


def headers_of(given: Sequence[str] | None) -> dict[str, str]:
    """Raises RecipeError."""
    headers: dict[str, str] = {}
    for text in given or ():
        name, colon, value = text.partition(":")
        if not colon:
            raise RecipeError("A --header has no colon.", "Write NAME:VALUE, such as 'X-Org: ${ORG}'.")
        headers[name.strip()] = value.strip()
    return headers


@dataclass(frozen=True, slots=True)
class Judges:
    """`first` has no name: its scores are called acc_judge. `named` are the others, acc_NAME."""

    first: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.first is not None or bool(self.named)


def read_judges(given: Sequence[str]) -> Judges:
    """Outside judges given as `PLACE` or `NAME=PLACE`. The first without a name is the judge, further ones are judge_2,
    judge_3 and so on. Raises RecipeError.
    """
    first: str | None = None
    named: dict[str, str] = {}
    for number, text in enumerate(given, start=1):
        match = NAMED_JUDGE.fullmatch(text)
        if match is None and first is None:
            first = text
            continue
        name, place = match.group("name", "place") if match is not None else (f"judge_{number}", text)
        if name in RATERS or name in named:
            raise RecipeError(f"Two raters would be called '{name}'.", "Give each --judge a distinct NAME=.")
        named[name] = place
    return Judges(first, named)
