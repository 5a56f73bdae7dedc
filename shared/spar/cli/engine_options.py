"""`--body` and `--header`: extra fields and headers of every request to a server. Knows no command."""

import json
from collections.abc import Sequence
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
