"""What a stranger, or a client that is broken, can make the API do: next to nothing. A real server, raw sockets."""

from collections.abc import Iterator

import pytest

from services.api.app import STRANGERS_BYTES, make_app
from services.api.backend import Backend
from tests.loopback import Listening, listening
from tests.unit.api.conftest import TOKEN

BEARER = f"Authorization: Bearer {TOKEN}\r\n".encode()
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.fixture
def api(backend: Backend) -> Iterator[Listening]:
    with listening(make_app(backend)) as place:
        yield place


def ask(api: Listening, line: bytes, headers: bytes, *body: bytes) -> tuple[int, bytes]:
    reply = api.reply_to(line + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + b"\r\n", *body)
    return int(reply.split(b" ", 2)[1]), reply


@pytest.mark.parametrize("path", [b"/runs", b"/runs/x/resume", b"/runs/x/dead-letters/replay", b"/nowhere"])
@pytest.mark.parametrize("size", [b"Content-Length: 50000\r\n", CHUNKED])
def test_the_token_is_asked_for_before_the_body(api: Listening, path: bytes, size: bytes) -> None:
    """Nothing of the body is ever sent: a server that waited for it would not reply."""
    status, reply = ask(api, b"POST " + path, b"Content-Type: application/json\r\n" + size)
    assert status == 401
    assert b'"fix"' in reply


def test_a_login_is_no_place_for_large_bodies(api: Listening) -> None:
    form = b"Content-Type: application/x-www-form-urlencoded\r\n"
    length = f"Content-Length: {STRANGERS_BYTES + 1}\r\n".encode()
    assert ask(api, b"POST /login", form + length)[0] == 413
    chunk = b"4000\r\n" + b"token=" + b"x" * (0x4000 - 6) + b"\r\n"
    assert ask(api, b"POST /login", form + CHUNKED, chunk, chunk)[0] == 413
    assert ask(api, b"POST /logout", length)[0] == 413
    assert ask(api, b"GET /health", length)[0] == 413


def test_a_recipe_in_chunks_is_bounded(api: Listening) -> None:
    """No Content-Length to refuse by: what comes is counted."""
    chunk = b"8000\r\n" + b"#" * 0x8000 + b"\r\n"
    status, reply = ask(api, b"POST /runs", BEARER + b"Content-Type: application/yaml\r\n" + CHUNKED, *[chunk] * 4)
    assert status == 413
    assert b"SPAR_API_MAX_UPLOAD_BYTES" in reply


def test_nul_is_no_part_of_a_path(api: Listening) -> None:
    for path in (b"/runs/%00", b"/runs/a%00b/events", b"/runs/%00/report.html", b"/assets/%00"):
        assert ask(api, b"GET " + path, BEARER)[0] == 404, path
    for path in (b"/runs/%00/cancel", b"/runs/%00/resume"):
        assert ask(api, b"POST " + path, BEARER)[0] == 404, path
    assert ask(api, b"GET /runs/x/replies?prompt=%00", BEARER)[0] == 400


def test_what_is_no_text_in_a_body_is_refused(api: Listening) -> None:
    for body in (
        rb'{"set": ["budget.calls=\ud800"]}',
        rb'{"\ud800": 1}',
        rb'{"set": "\udfff\u0000"}',
        b'{"set": ["\xff"]}',
    ):
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n".encode()
        status, reply = ask(api, b"POST /runs/x/resume", BEARER + length, body)
        assert 400 <= status < 500, (body, reply)
        assert b'"fix"' in reply
