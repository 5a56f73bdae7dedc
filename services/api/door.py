"""Whom the API lets in by the head of a request, before anything of its body is read, and how much that may be."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

from services.api.auth import unauthorized
from services.api.errors import Refusal, refused
from services.api.settings import ApiSettings
from spar.runtime.shield import STATUS, Denial

OPEN = frozenset({"/", "/login", "/logout", "/health", "/ready", "/openapi.json"})
"""Paths for all; the dashboard's page looks at its cookie itself. Every other one wants the token, known or not."""
ASSETS = "/assets/"
SUBMIT = "/runs"
STRANGERS_BYTES = 16 * 1024
"""A login form."""
COMMAND_BYTES = 1024**2
"""Whatever is no submission: ids of steps, changes of a budget."""


@dataclass(frozen=True, slots=True)
class ApiDoor:
    settings: ApiSettings

    def refusal(self, head: HTTPConnection) -> Response | None:
        if _is_open(head):
            return None
        error = unauthorized(head, self.settings.token.get_secret_value())
        return None if error is None else refused(error)

    def most_bytes(self, head: HTTPConnection) -> int:
        if _is_open(head):
            return STRANGERS_BYTES
        upload = self.settings.max_upload_bytes
        return upload if head.scope["path"] == SUBMIT else min(COMMAND_BYTES, upload)

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response:
        return refused(Refusal(STATUS[denial], *_told(denial, most)))


def _is_open(head: HTTPConnection) -> bool:
    path: str = head.scope["path"]
    return path in OPEN or path.startswith(ASSETS)


def _told(denial: Denial, most: int) -> tuple[str, str]:
    """What happened, and what to do."""
    if denial is Denial.NO_SUCH_PATH:
        return "Not Found: the path holds a character that no path has.", "GET /openapi.json lists the paths."
    if denial is Denial.BAD_QUERY:
        return "The query holds a NUL character.", "Compare it with GET /openapi.json."
    if denial is Denial.TOO_SLOW:
        return "The request's body did not come in time.", "Send it again, over a faster connection."
    larger = "Send less, or start the API with a larger SPAR_API_MAX_UPLOAD_BYTES."
    return f"The request is larger than {most:,} bytes.", larger
