"""Whom the gateway lets in by the head of a request, before anything of its body is read, and how much that may be."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.gateway.auth import unauthorized
from services.gateway.errors import GatewayRefusal, refused
from services.gateway.settings import GatewaySettings
from spar.runtime.shield import STATUS, Denial

OPEN = frozenset({"/health", "/ready", "/openapi.json"})
"""Paths for all; every other one wants the token, known or not."""
STRANGERS_BYTES = 16 * 1024
"""The open paths take no body; clients may send one."""


@dataclass(frozen=True, slots=True)
class GatewayDoor:
    settings: GatewaySettings

    def refusal(self, head: HTTPConnection) -> Response | None:
        if head.scope["path"] in OPEN:
            return None
        error = unauthorized(head, self.settings.token.get_secret_value())
        return None if error is None else refused(error)

    def most_bytes(self, head: HTTPConnection) -> int:
        most = self.settings.max_request_bytes
        return min(most, STRANGERS_BYTES) if head.scope["path"] in OPEN else most

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response:
        return refused(_refusal(denial, most))


def _refusal(denial: Denial, most: int) -> GatewayRefusal:
    status = STATUS[denial]
    if denial is Denial.NO_SUCH_PATH:
        return GatewayRefusal(status, "not_found", "The path holds a character that no path has.", "Use another path.")
    if denial is Denial.BAD_QUERY:
        return GatewayRefusal(status, "invalid_request", "The query holds a NUL character.", "Leave it out.")
    if denial is Denial.TOO_SLOW:
        fix = "Send it again, over a faster connection."
        return GatewayRefusal(status, "request_timeout", "The request's body did not come in time.", fix)
    fix = "Send less, or start the gateway with a larger SPAR_GATEWAY_MAX_REQUEST_BYTES."
    return GatewayRefusal(status, "request_too_large", f"The request is larger than {most:,} bytes.", fix)
