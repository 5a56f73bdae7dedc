"""Who may ask: a bearer token, as every OpenAI client sends its api_key."""

import hmac
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.gateway.backend import Context
from services.gateway.errors import Refusal

bearer = HTTPBearer(auto_error=False, description="The gateway's token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def require_token(context: Context, credentials: Credentials) -> None:
    """Raises a Refusal (401)."""
    token = context.settings.token.get_secret_value()
    given = "" if credentials is None else credentials.credentials
    if hmac.compare_digest(given.encode(errors="surrogateescape"), token.encode()):
        return
    raise Refusal(
        401,
        "invalid_api_key",
        "The token is wrong." if given else "The request has no token.",
        "Give the gateway's token as the client's api_key: the header `Authorization: Bearer TOKEN`.",
        headers={"WWW-Authenticate": "Bearer"},
    )
