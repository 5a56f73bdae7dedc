"""The bearer token of a request's head, and how tokens are compared. Knows no service's errors."""

import hmac

from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection


def bearer_of(head: HTTPConnection) -> str:
    """The token that the request bears; empty: none."""
    kind, given = get_authorization_scheme_param(head.headers.get("authorization"))
    return given if kind.lower() == "bearer" else ""


def same(given: str, wanted: str) -> bool:
    """In a time that reveals nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode())
