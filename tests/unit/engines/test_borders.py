"""Whatever a model or a server sends costs one reply at most: a typed failure that can be stored, and is counted."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from spar.engines.base import Completion, LocalModel, Sampling
from spar.engines.drawing import LONGEST_REPLY, FailedReply, draw, received
from spar.engines.openai import UNREADABLE, OpenAIEngine
from spar.engines.openai_client import MOST_BODY
from spar.engines.openai_errors import parsed
from spar.engines.openai_replies import read_choices
from spar.errors import EngineUnavailable, SparError
from spar.method.records import Message, ReplyFailure, Response
from spar.recipes.models import EngineSettings
from spar.store.rows import decode_rows, encode_rows
from spar.texts import is_storable

ANY_TEXT = st.text(st.characters(codec=None))
BROKEN = st.builds("{}{}{}".format, ANY_TEXT, st.sampled_from(["\x00", "\ud800", "\udcff"]), ANY_TEXT)
HELLO = (Message("user", "hello"),)
SAMPLING = Sampling(temperature=0.7, top_p=1.0, max_tokens=64)


@given(ANY_TEXT | BROKEN, st.sampled_from(list(ReplyFailure)) | st.none())
def test_every_reply_can_be_stored(text: str, failure: ReplyFailure | None) -> None:
    reply = received(Completion(text=text, finish_reason="stop", prompt_tokens=1, completion_tokens=1, failure=failure))
    failed = reply.failure if isinstance(reply, FailedReply) else None
    assert failed == (failure or (None if is_storable(text) else ReplyFailure.UNPARSABLE))
    row = Response(0, reply.text, failed)
    assert decode_rows(encode_rows(step="s", fingerprint="f", rows=[row]), Response)[1] == [row]


def test_a_reply_of_megabytes_is_no_data() -> None:
    reply = received(
        Completion(text="\x00a" * LONGEST_REPLY, finish_reason="stop", prompt_tokens=1, completion_tokens=1)
    )
    assert isinstance(reply, FailedReply)
    assert len(reply.text) < 20_000
    assert is_storable(reply.text)


ANY_JSON = st.recursive(
    ANY_TEXT | BROKEN | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=8,
)
CHOICE = st.fixed_dictionaries(
    {"message": st.fixed_dictionaries({"content": ANY_JSON}) | ANY_JSON},
    optional={"index": ANY_JSON, "finish_reason": ANY_JSON},
)
BODY = st.fixed_dictionaries(
    {"choices": st.lists(CHOICE, max_size=5) | ANY_JSON},
    optional={"usage": st.fixed_dictionaries({"prompt_tokens": ANY_JSON, "completion_tokens": ANY_JSON}) | ANY_JSON},
)


@given(BODY | ANY_JSON)
def test_every_body_is_read_or_refused(data: object) -> None:
    """Refused by a ValueError, never by another; what is read can be counted in tables of 64 bits."""
    try:
        choices = read_choices(data, HELLO, 2, 64)
    except ValueError:
        return
    for completion in choices.completions.values():
        assert 0 <= completion.prompt_tokens <= 10**9
        assert abs(completion.completion_tokens) <= 10**9
        assert is_storable(received(completion).text)


@given(st.binary())
def test_every_body_has_json_or_none(body: bytes) -> None:
    parsed(body)
    assert parsed(b'{"a": "' + body.replace(b"\\", b"").replace(b'"', b"") + b'"}') is not None


def test_json_without_end_is_none() -> None:
    assert parsed(b"[" * 100_000) is None
    assert parsed(b'{"a": ' + b"9" * 10_000 + b"}") is None


@dataclass
class Bodies:
    """A server that sends these bodies in turn, then the last one again."""

    bodies: list[bytes]

    async def reply(self, request: web.Request) -> web.Response:
        await request.read()
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        return web.Response(body=body, content_type="application/json")


def said(*texts: str) -> bytes:
    choices = [{"index": n, "message": {"content": text}, "finish_reason": "stop"} for n, text in enumerate(texts)]
    return json.dumps({"choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": len(texts)}}).encode()


@asynccontextmanager
async def engine(*bodies: bytes, attempts: int = 1, deadline_s: float = 60.0) -> AsyncIterator[OpenAIEngine]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Bodies(list(bodies)).reply)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    settings = EngineSettings(kind="openai", url=f"http://127.0.0.1:{port}/v1", deadline_s=deadline_s)
    made = OpenAIEngine(settings, attempts)
    try:
        yield made
    finally:
        await made.close()
        await runner.cleanup()


async def drawn(
    bodies: Sequence[bytes], calls: int, n: int = 1, attempts: int = 1, deadline_s: float = 60.0
) -> list[ReplyFailure | None]:
    async with engine(*bodies, attempts=attempts, deadline_s=deadline_s) as served:
        chat = await served.serve(LocalModel("f", name="m"))
        replies = [reply for _ in range(calls) for reply in await draw(chat, HELLO, n, SAMPLING, 1)]
    assert all(is_storable(reply.text) for reply in replies)
    return [reply.failure for reply in replies]


BAD = ReplyFailure.UNPARSABLE


@pytest.mark.parametrize(
    "body",
    [
        said("a\x00b"),
        said("\ud83d"),
        said("x").replace(b"x", b"\x00"),
        said("x").replace(b"x", b"\xff\xfe"),
        said("long" * LONGEST_REPLY),
        b"{" + b" " * MOST_BODY + b"}",
        b"not JSON",
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": 7}',
        b"[" * 50_000,
    ],
    ids=["nul", "surrogate", "raw nul", "not utf-8", "4 MB", "32 MB", "no json", "null", "number", "no list", "deep"],
)
async def test_a_bad_body_costs_its_reply(body: bytes) -> None:
    if body == b'{"choices": 7}':  # a completion without choices is what overloaded servers send: it is asked again
        with pytest.raises(EngineUnavailable):
            await drawn([said("fine"), body], 2)
        return
    assert await drawn([said("fine"), body, said("fine")], 3) == [None, BAD, None]


async def test_a_bad_choice_costs_itself_alone() -> None:
    body = said("one", "two", "three").replace(b'{"content": "two"}', b'{"content": {"a": 1}}')
    assert await drawn([body], 1, n=3) == [None, BAD, None]


async def test_a_server_that_was_never_one_is_an_error() -> None:
    with pytest.raises(SparError, match="not a chat completion"):
        await drawn([b"not JSON"], 1)


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"\xff\xfe"])
async def test_what_a_proxy_sends_for_a_moment_costs_no_reply(body: bytes) -> None:
    assert await drawn([said("fine"), body, body, said("fine")], 2, attempts=3) == [None, None]


async def test_a_body_that_is_bad_each_time_costs_its_reply() -> None:
    assert await drawn([said("fine"), b"not JSON", b"not JSON", said("fine")], 3, attempts=2) == [None, BAD, None]


async def test_a_bad_body_is_not_requested_again_until_the_call_is_late() -> None:
    assert await drawn([said("fine"), b"not JSON"], 2, attempts=9, deadline_s=2.0) == [None, BAD]


async def test_a_server_that_is_none_any_more_is_an_error() -> None:
    assert await drawn([said("fine"), b"<html>"], 1 + UNREADABLE) == [None, *[BAD] * UNREADABLE]
    with pytest.raises(EngineUnavailable):
        await drawn([said("fine"), b"<html>"], 2 + UNREADABLE)
