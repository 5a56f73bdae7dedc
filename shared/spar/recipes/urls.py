"""Addresses of servers in a recipe: without credentials, since recipes are stored and shown."""

from typing import Annotated

from pydantic import AfterValidator

from spar.redaction import has_credential


def _without_credentials(url: str) -> str:
    if has_credential(url):
        raise ValueError(
            "the URL holds a user, a password or a key, and a recipe is stored and shown: set SPAR_ENGINE_API_KEY in"
            " the environment instead"
        )
    return url


ServerUrl = Annotated[str, AfterValidator(_without_credentials)]
