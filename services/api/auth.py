"""Authentication: a bearer token for programs, and for the dashboard a cookie derived from it that only allows reading.

The cookie is not the token and is valid for GET only, so that no other site can make a browser change anything.
"""

import hashlib
import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from services.api.backend import Context
from services.api.errors import Refusal
from spar.runtime.bearer import bearer_of, same

COOKIE = "spar_dashboard"
bearer = HTTPBearer(auto_error=False, description="The value of SPAR_API_TOKEN.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def require_token(request: Request, context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401). `ApiDoor` has checked already: this adds the token to the OpenAPI description."""
    error = unauthorized(request, context.settings.token.get_secret_value())
    if error is not None:
        raise error


def unauthorized(head: HTTPConnection, token: str) -> Refusal | None:
    """Why a request is refused; None: it is not. Reads its head only."""
    given = bearer_of(head)
    if given and same(given, token):
        return None
    if not given and head.scope["method"] == "GET" and has_cookie(head, token):
        return None
    return Refusal(
        401,
        "The API token is wrong." if given else "The request has no API token.",
        "Send the header `Authorization: Bearer TOKEN` with the value of the API's SPAR_API_TOKEN.",
        {"WWW-Authenticate": "Bearer"},
    )


def has_cookie(request: HTTPConnection, token: str) -> bool:
    return same(request.cookies.get(COOKIE, ""), cookie_of(token))


def cookie_of(token: str) -> str:
    return hmac.new(token.encode(), b"spar dashboard", hashlib.sha256).hexdigest()
