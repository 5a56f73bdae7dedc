"""What a request comes to before its body is read: by its head, its size and its pace. Real sockets on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from spar.runtime.shield import STATUS, BodyPace, Denial, Shield
from tests.loopback import Listening, listening, read_all

MOST = 1000
KNOWN = b"Authorization: ours\r\n"


@dataclass
class Echo:
    """Answers with the length of the body, and remembers what it was asked."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        try:
            body = await Request(scope, receive).body()
        except Exception:  # noqa: BLE001 - frameworks make of any error in a body what they like
            await PlainTextResponse("the framework's own", 400)(scope, receive, send)
            return
        await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


class OneToken:
    def refusal(self, head: HTTPConnection) -> Response | None:
        return None if head.headers.get("authorization") == "ours" else PlainTextResponse("who?", 401)

    def most_bytes(self, head: HTTPConnection) -> int:
        return MOST

    def denied(self, head: HTTPConnection, denial: Denial, most: int) -> Response:
        return PlainTextResponse(denial.value, STATUS[denial])


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def door(echo: Echo) -> Iterator[Listening]:
    pace = BodyPace(grace_s=0.5, bytes_per_s=1000)
    with listening(Shield(echo, OneToken(), pace), head_s=0.5) as place:
        yield place


def status_of(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


def test_a_stranger_is_refused_before_a_byte_of_the_body_is_sent(door: Listening, echo: Echo) -> None:
    reply = door.reply_to(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n")
    assert status_of(reply) == 401
    assert b"connection: close" in reply.lower()
    assert b"x-content-type-options: nosniff" in reply.lower()
    assert echo.asked == []


def test_a_stranger_is_not_told_to_go_on(door: Listening) -> None:
    reply = door.reply_to(b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 900\r\n\r\n")
    assert status_of(reply) == 401


def test_an_announced_size_is_refused_before_the_body(door: Listening, echo: Echo) -> None:
    for length in (b"1001", b"9" * 30):
        head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"Content-Length: " + length + b"\r\n\r\n"
        assert status_of(door.reply_to(head)) in (400, 413)
    assert echo.asked == []


def test_a_body_in_chunks_is_bounded_as_it_comes(door: Listening) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"190\r\n" + b"x" * 400 + b"\r\n"
    reply = door.reply_to(head, chunk, chunk, chunk)
    assert status_of(reply) == 413
    assert b"the framework's own" not in reply
    whole = door.reply_to(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), chunk, chunk, b"0\r\n\r\n")
    assert (status_of(whole), whole.endswith(b"800 bytes")) == (200, True)


def test_a_body_that_does_not_come_is_not_waited_for(door: Listening) -> None:
    head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"Content-Length: 900\r\n\r\n"
    assert status_of(door.reply_to(head, b"only this")) == 408


def test_a_body_byte_by_byte_is_not_waited_for(door: Listening) -> None:
    """Each byte may come soon after the last: what counts is how many there are by then."""
    head = b"POST /a HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"Content-Length: 900\r\n\r\n"
    with door.connection() as connection:
        connection.sendall(head)
        connection.settimeout(0.1)
        came = b""
        sent = 0
        while not came and sent < 900:
            connection.send(b"x")
            sent += 1
            try:
                came = connection.recv(4096)
            except TimeoutError:
                continue
    assert status_of(came) == 408
    assert sent < 100


@pytest.mark.parametrize("head", [b"", b"GET /a HTT", b"GET /a HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_head_that_does_not_come_is_not_waited_for(door: Listening, head: bytes, echo: Echo) -> None:
    assert door.reply_to(head) == b""
    assert echo.asked == []


def test_a_second_head_is_not_waited_for_either(door: Listening) -> None:
    with door.connection() as connection:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /b")  # uvicorn's own clock for idle connections stops here
        assert read_all(connection) in (b"", b"0 bytes")


def test_a_connection_that_is_in_use_stays(door: Listening) -> None:
    with door.connection() as connection:
        for path in (b"/a", b"/b", b"/c"):
            connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"\r\n")
            came = b""
            while not came.endswith(b"0 bytes"):
                came += connection.recv(4096)
            assert status_of(came) == 200


def test_characters_that_no_path_has_are_no_path(door: Listening, echo: Echo) -> None:
    for path, status in ((b"/runs/%00", 404), (b"/runs/a%00b", 404), (b"/runs?x=%00", 400), (b"/runs/%ff", 200)):
        request = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + KNOWN + b"\r\n"
        assert status_of(door.reply_to(request)) == status, path
    assert len(echo.asked) == 1
