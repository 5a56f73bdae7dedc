"""The API's client for commands: its address and token, its refusals as SparErrors, its events.

httpx is imported only when a request is made.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from spar.db.runs import DeadLetter, RunDetail, RunSummary
from spar.errors import ConflictError, DataError, ServiceError, SparError
from spar.header_values import header_value
from spar.method.records import Outcome
from spar.report.history import PromptEntry, PromptHistory
from spar.report.model import RunReport
from spar.report.profile.model import RunProfile

if TYPE_CHECKING:
    import httpx

URL, TOKEN = "SPAR_API_URL", "SPAR_API_TOKEN"
CONNECT_S = 5.0
READ_S = 120.0  # a report of a large run takes a while to build

ApiOption = Annotated[
    str | None, typer.Option("--api", metavar="URL", envvar=URL, help="The API's address; its token is SPAR_API_TOKEN.")
]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One server-sent event; `id` is empty for those that a client cannot resume from."""

    id: str
    name: str
    data: str


class Api:
    """Created by `connect`. Every method raises ServiceError, DataError or ConflictError."""

    def __init__(self, client: "httpx.Client") -> None:
        self._client = client
        self._url = str(client.base_url).rstrip("/")

    def runs(self) -> list[RunSummary]:
        return self._get("/runs", list[RunSummary])

    def find(self, run: str | None) -> str:
        """A run's id by the id itself or its start; None: the newest run's."""
        known = [each.run_id for each in self.runs()]
        if run is None:
            if not known:
                raise DataError(f"The API at {self._url} has no run.", "Submit one: spar submit RECIPE.")
            return known[0]
        wanted = [run] if run in known else [each for each in known if each.startswith(run)]
        if len(wanted) > 1:
            raise DataError(f"'{run}' is the start of several run ids.", f"Choose one: {', '.join(wanted)}.")
        return wanted[0] if wanted else run  # one that is queued is not listed yet

    def detail(self, run_id: str) -> RunDetail:
        return self._get(f"/runs/{run_id}", RunDetail)

    def report(self, run_id: str) -> RunReport:
        return self._get(f"/runs/{run_id}/report.json", RunReport)

    def profile(self, run_id: str) -> RunProfile:
        return self._get(f"/runs/{run_id}/profile", RunProfile)

    def page(self, run_id: str) -> str:
        return self._ask("GET", f"/runs/{run_id}/report.html").text

    def prompts(self, run_id: str, outcome: Outcome | None, iteration: int | None) -> Iterator[PromptEntry]:
        """The run's prompts in order, fetched page by page."""
        wanted = {"outcome": outcome and outcome.value, "iteration": iteration}
        given = {name: value for name, value in wanted.items() if value is not None}
        start = 0
        while page := self._get(f"/runs/{run_id}/prompts", list[PromptEntry], **given, start=start):
            yield from page
            start += len(page)

    def histories(self, run_id: str, prompt: str) -> list[PromptHistory]:
        """What the run knows of the prompt with this id (or its start, or text), in each iteration that has it."""
        return self._get(f"/runs/{run_id}/replies", list[PromptHistory], prompt=prompt)

    def dead_letters(self, run_id: str) -> list[DeadLetter]:
        return self._get(f"/runs/{run_id}/dead-letters", list[DeadLetter])

    def submit(self, recipe: str, files: Mapping[str, tuple[str, bytes]]) -> dict[str, Any]:
        """`recipe` is JSON; `files` maps a form's part to a file name and its bytes."""
        parts: dict[str, Any] = {"recipe": ("recipe.json", recipe.encode(), "application/json"), **files}
        answer: dict[str, Any] = self._ask("POST", "/runs", files=parts).json()
        return answer

    def command(self, run_id: str, what: str, body: Mapping[str, Any] | Sequence[int] | None = None) -> None:
        """`what` is cancel, resume, or dead-letters/replay or /drop with the ids of steps."""
        self._ask("POST", f"/runs/{run_id}/{what}", json=body)

    def events(self, run_id: str, last: str) -> Iterator[ServerEvent]:
        """The events after the event `last`, until the run or the connection ends."""
        headers = {"Last-Event-ID": last} if last else {}
        with self._explained(), self._client.stream("GET", f"/runs/{run_id}/events", headers=headers) as answer:
            if answer.status_code != 200:
                answer.read()
                raise self._refusal(answer)
            yield from _parse_events(answer.iter_lines())

    def _get(self, path: str, wanted: type[T], **query: Any) -> T:
        answer = self._ask("GET", path, params=query)
        try:
            return TypeAdapter(wanted).validate_json(answer.content)
        except ValidationError as error:
            raise self._unknown_server() from error

    def _ask(self, method: str, path: str, **more: Any) -> "httpx.Response":
        with self._explained():
            answer = self._client.request(method, path, **more)
        if answer.status_code not in (200, 202):
            raise self._refusal(answer)
        return answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.TransportError as error:
            cause = str(error) or type(error).__name__
            raise ServiceError(
                f"The API at {self._url} cannot be reached: {cause}.", f"Start it, or correct --api or {URL}."
            ) from error

    def _refusal(self, answer: "httpx.Response") -> SparError:
        if answer.next_request is not None:  # followed, a POST might become a GET
            target = answer.next_request.url.copy_with(userinfo=b"", query=None, fragment=None)
            return ServiceError(
                f"The API at {self._url} redirects (HTTP {answer.status_code}) to {target}.",
                f"Set --api or {URL} to the address that it redirects to.",
            )
        try:
            body = answer.json()
            what, fix = str(body["error"]), str(body["fix"])
        except (ValueError, KeyError, TypeError):
            return self._unknown_server()
        if answer.status_code == 401:
            return ServiceError(f"The API at {self._url} rejects the token.", f"Set {TOKEN} to the API's own.")
        kinds: dict[int, type[SparError]] = {409: ConflictError, 404: DataError, 413: DataError, 422: DataError}
        return kinds.get(answer.status_code, ServiceError)(what, fix)

    def _unknown_server(self) -> ServiceError:
        return ServiceError(
            f"The server at {self._url} is not an API of this version.",
            f"Correct --api or {URL}, or update the client or the server.",
        )


@contextmanager
def connect(url: str | None) -> Iterator[Api]:
    """Raises ServiceError without an address or a token, RecipeError for a token that cannot be sent."""
    import httpx

    if not url:
        raise ServiceError("No API address is given.", f"Give --api URL, or set {URL}.")
    token = header_value(TOKEN, os.environ.get(TOKEN, ""))
    if not token:
        raise ServiceError(f"No token is set for the API at {url}.", f"Set {TOKEN} to the API's own.")
    timeout = httpx.Timeout(READ_S, connect=CONNECT_S)
    try:
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout)
        usable = client.base_url.scheme in ("http", "https") and client.base_url.host
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise ServiceError(f"{url!r} is not the address of an API.", "Write http://HOST:PORT.")
    with client:
        yield Api(client)


def _parse_events(lines: Iterator[str]) -> Iterator[ServerEvent]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "event" in fields:
                yield ServerEvent(id=fields.get("id", ""), name=fields["event"], data=fields.get("data", ""))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
