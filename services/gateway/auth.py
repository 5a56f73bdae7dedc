"""Who may ask: a bearer token, as every OpenAI client sends its api_key."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from services.gateway.backend import Context
from services.gateway.errors import Refusal

bearer = HTTPBearer(auto_error=False, description="The gateway's token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def require_token(request: Request, context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401). The door has asked already: this puts it into the API's description, and asks twice."""
    error = unauthorized(request, context.settings.token.get_secret_value())
    if error is not None:
        raise error


def unauthorized(head: HTTPConnection, token: str) -> Refusal | None:
    """Why a request may not be answered; None: it may. Reads its head only."""
    kind, given = get_authorization_scheme_param(head.headers.get("authorization"))
    given = given if kind.lower() == "bearer" else ""
    if hmac.compare_digest(given.encode(errors="surrogatepass"), token.encode()):
        return None
    return Refusal(
        401,
        "invalid_api_key",
        "The token is wrong." if given else "The request has no token.",
        "Give the gateway's token as the client's api_key: the header `Authorization: Bearer TOKEN`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
