"""Authentication: a bearer token, sent as every OpenAI client sends its api_key."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from services.gateway.backend import Context
from services.gateway.errors import GatewayRefusal
from spar.runtime.bearer import bearer_of, same

bearer = HTTPBearer(auto_error=False, description="The gateway's token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def require_token(request: Request, context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401). `GatewayDoor` has checked already: this adds the token to the OpenAPI description."""
    error = unauthorized(request, context.settings.token.get_secret_value())
    if error is not None:
        raise error


def unauthorized(head: HTTPConnection, token: str) -> GatewayRefusal | None:
    """Why a request is refused; None: it is not. Reads its head only."""
    given = bearer_of(head)
    if same(given, token):
        return None
    return GatewayRefusal(
        401,
        "invalid_api_key",
        "The token is wrong." if given else "The request has no token.",
        "Give the gateway's token as the client's api_key: the header `Authorization: Bearer TOKEN`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
