"""Who may ask: a bearer token for programs, a cookie made from it for the dashboard's reading.

The cookie is not the token and is good for GET only, so that no other site can make a browser change anything.
"""

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.api.backend import Context
from services.api.errors import Refusal

COOKIE = "spar_dashboard"
bearer = HTTPBearer(auto_error=False, description="The value of SPAR_API_TOKEN.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def require_token(request: Request, context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401)."""
    token = context.settings.token.get_secret_value()
    if credentials is not None and same(credentials.credentials, token):
        return
    if credentials is None and request.method == "GET" and has_cookie(request, token):
        return
    said = "The API token is wrong." if credentials is not None else "The request has no API token."
    raise Refusal(
        401,
        said,
        "Send the header `Authorization: Bearer TOKEN` with the value of the API's SPAR_API_TOKEN.",
        {"WWW-Authenticate": "Bearer"},
    )


def has_cookie(request: Request, token: str) -> bool:
    return same(request.cookies.get(COOKIE, ""), cookie_of(token))


def cookie_of(token: str) -> str:
    return hmac.new(token.encode(), b"spar dashboard", hashlib.sha256).hexdigest()


def same(given: str, wanted: str) -> bool:
    """In a time that tells nothing of where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), wanted.encode())
