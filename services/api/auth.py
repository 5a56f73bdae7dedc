"""Who may ask: a bearer token for programs, a cookie made from it for the dashboard's reading.

The cookie is not the token and is good for GET only, so that no other site can make a browser change anything.
"""

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from services.api.backend import Context
from services.api.errors import Refusal

COOKIE = "spar_dashboard"
bearer = HTTPBearer(auto_error=False, description="The value of SPAR_API_TOKEN.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def require_token(request: Request, context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401). The door has asked already: this puts it into the API's description, and asks twice."""
    error = unauthorized(request, context.settings.token.get_secret_value())
    if error is not None:
        raise error


def unauthorized(head: HTTPConnection, token: str) -> Refusal | None:
    """Why a request may not be answered; None: it may. Reads its head only."""
    kind, given = get_authorization_scheme_param(head.headers.get("authorization"))
    bears = kind.lower() == "bearer" and bool(given)
    if bears and same(given, token):
        return None
    if not bears and head.scope["method"] == "GET" and has_cookie(head, token):
        return None
    return Refusal(
        401,
        "The API token is wrong." if bears else "The request has no API token.",
        "Send the header `Authorization: Bearer TOKEN` with the value of the API's SPAR_API_TOKEN.",
        {"WWW-Authenticate": "Bearer"},
    )


def has_cookie(request: HTTPConnection, token: str) -> bool:
    return same(request.cookies.get(COOKIE, ""), cookie_of(token))


def cookie_of(token: str) -> str:
    return hmac.new(token.encode(), b"spar dashboard", hashlib.sha256).hexdigest()


def same(given: str, wanted: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode())
