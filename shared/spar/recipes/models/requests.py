"""Fields and headers that a recipe adds to every request to a server: the run's engine or an outside judge."""

from typing import Annotated

from pydantic import AfterValidator, JsonValue

from spar.recipes.headers import check_headers

RESERVED_FIELDS = frozenset(
    {"model", "messages", "n", "seed", "stream", "temperature", "top_p", "max_tokens", "max_completion_tokens"}
)
"""Fields of a request that the recipe's sampling or the engine itself sets."""


def _sets_nothing_twice(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if taken := sorted(RESERVED_FIELDS & body.keys()):
        raise ValueError(f"{', '.join(taken)} cannot be set here: other settings of the recipe determine it")
    return body


def _holds_no_credential(headers: dict[str, str]) -> dict[str, str]:
    check_headers(headers)
    return headers


RequestBody = Annotated[dict[str, JsonValue], AfterValidator(_sets_nothing_twice)]
RequestHeaders = Annotated[dict[str, str], AfterValidator(_holds_no_credential)]
