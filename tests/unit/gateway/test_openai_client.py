"""The gateway as the real `openai` client uses it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import openai
import pytest

from spar.testing.behaviour import GOOD
from tests.unit.gateway.running import PLAIN, Gateway, gateway, server

ASKED: Any = [{"role": "user", "content": "Write of a river."}]
SEARCHES = ["spar:greedy", "spar:best_of_responses", "spar:best_of_n", "spar:iterative", "spar:bfs", "spar:dfs"]


@pytest.fixture
async def at() -> AsyncIterator[Gateway]:
    async with gateway() as running:
        yield running


def spar(reply: Any) -> dict[str, Any]:
    said: dict[str, Any] = reply.model_extra["spar"]
    return said


async def test_it_lists_its_models(at: Gateway) -> None:
    async with at.client() as client:
        listed = [model.id async for model in client.models.list()]
        assert listed == ["spar:actor", *SEARCHES]
        assert (await client.models.retrieve("spar:bfs")).id == "spar:bfs"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("spar:astar")


async def test_the_actor_alone_is_neither_judged_nor_refined(at: Gateway) -> None:
    async with at.client() as client:
        reply = await client.chat.completions.create(model="spar:actor", messages=ASKED)
    assert reply.choices[0].message.content
    assert GOOD not in str(reply.choices[0].message.content)
    assert reply.choices[0].finish_reason == "stop"
    said = spar(reply)
    assert (said["ending"], said["value"]) == ("actor", None)
    assert said["counts"] == {"generations": 1, "refinements": 0, "judgments": 0, "votes": 0}
    assert said["usage"]["refiner"]["calls"] == 0


@pytest.mark.parametrize("model", SEARCHES)
async def test_a_bad_response_is_searched_for_a_better_one(at: Gateway, model: str) -> None:
    async with at.client() as client:
        replies = [
            await client.chat.completions.create(
                model=model, messages=ASKED, seed=seed, extra_body={"spar": {"tree": True}}
            )
            for seed in range(4)
        ]
    for reply in replies:
        said = spar(reply)
        tree = said["tree"]
        assert tree["nodes"][0]["path"] == []
        assert tree["nodes"][0]["label"] == "no"
        assert said["ending"] == ("solved" if tree["solved"] else "unsolved")
        assert (GOOD in str(reply.choices[0].message.content)) == tree["solved"]
        assert reply.usage is not None
        parts = [said["usage"][role] for role in ("actor", "refiner")]
        assert reply.usage.prompt_tokens == sum(part["prompt_tokens"] for part in parts)
        assert reply.usage.completion_tokens == sum(part["completion_tokens"] for part in parts)
        assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    endings = {spar(reply)["ending"] for reply in replies}
    if model == "spar:best_of_responses":
        assert endings == {"unsolved"}  # this actor never writes a good one
    elif model != "spar:greedy":
        assert "solved" in endings


async def test_a_good_response_is_left_as_it_is() -> None:
    async with gateway(actor=server(replace(PLAIN, response_good=1.0))) as at, at.client() as client:
        reply = await client.chat.completions.create(model="spar:bfs", messages=ASKED)
    assert spar(reply)["ending"] == "accepted"
    assert spar(reply)["counts"] == {"generations": 1, "refinements": 0, "judgments": 1, "votes": 5}


async def test_the_same_seed_gives_the_same_tree(at: Gateway) -> None:
    async with at.client() as client:
        first, second, other = [
            await client.chat.completions.create(
                model="spar:bfs", messages=ASKED, seed=seed, extra_body={"spar": {"tree": True, "budget": 4}}
            )
            for seed in (7, 7, 8)
        ]
    assert spar(first)["tree"] == spar(second)["tree"] != spar(other)["tree"]
    assert len(spar(first)["tree"]["nodes"]) <= 5


async def test_a_budget_by_header_for_clients_that_cannot_add_fields(at: Gateway) -> None:
    async with at.client() as client:
        reply = await client.chat.completions.create(
            model="spar:iterative", messages=ASKED, extra_headers={"X-Spar-Budget": "1", "X-Spar-Tree": "true"}
        )
    assert spar(reply)["counts"]["refinements"] == 1
    assert spar(reply)["tree"]["nodes"]


async def test_a_stream_gives_the_same_text_as_a_whole_reply(at: Gateway) -> None:
    async with at.client() as client:
        whole = await client.chat.completions.create(model="spar:bfs", messages=ASKED, seed=3)
        stream = await client.chat.completions.create(
            model="spar:bfs", messages=ASKED, seed=3, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1
    assert spar(chunks[-2])["ending"] == spar(whole)["ending"]


async def test_a_stream_tells_how_the_search_goes_and_never_a_models_text(at: Gateway) -> None:
    async with at.client() as client:
        asked = client.chat.completions.with_streaming_response.create(
            model="spar:bfs", messages=ASKED, seed=3, stream=True
        )
        async with asked as response:
            lines = [line async for line in response.iter_lines()]
    comments = [line for line in lines if line.startswith(":")]
    assert comments[0] == ": the actor has responded"
    assert ": judged the response: V 0.00" in comments
    assert not any(GOOD in comment for comment in comments)
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    assert all(json.loads(each)["object"] == "chat.completion.chunk" for each in data[:-1])
    assert lines.index(comments[-1]) < lines.index(f"data: {data[0]}")


async def test_a_conversation_reaches_the_refiner_whole(at: Gateway) -> None:
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Write of"}, {"type": "text", "text": "rain."}]},
        {"role": "assistant", "content": "Rain falls."},
        {"role": "user", "content": "Longer."},
    ]
    async with at.client() as client:
        reply = await client.chat.completions.create(
            model="spar:bfs", messages=messages, extra_body={"spar": {"tree": True}}
        )
    expected = "Be brief.\n\nUser: Write of\nrain.\n\nAssistant: Rain falls.\n\nUser: Longer."
    assert spar(reply)["tree"]["prompt"] == expected


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, r"no model 'gpt-4o'.*spar:actor"),
        ({"n": 2}, openai.BadRequestError, "`n` is 2.*spar:actor"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "tools"),
        ({"messages": [{"role": "user", "content": " "}]}, openai.BadRequestError, "empty"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "user's"),
        ({"messages": [*ASKED, {"role": "assistant", "content": "x"}]}, openai.BadRequestError, "spar:actor"),
        ({"extra_body": {"spar": {"budget": 65}}}, openai.BadRequestError, "64 or less"),
        ({"extra_body": {"spar": {"deadline_s": 1e9}}}, openai.BadRequestError, "600 or less"),
        ({"extra_body": {"spar": {"wide": 3}}}, openai.BadRequestError, "spar.wide"),
        ({"extra_headers": {"X-Spar-Budget": "many"}}, openai.BadRequestError, "X-Spar-Budget: 8"),
    ],
)
async def test_what_cannot_be_honoured_is_refused(
    at: Gateway, body: dict[str, Any], error: type[openai.APIStatusError], said: str
) -> None:
    async with at.client() as client:
        with pytest.raises(error, match=said) as caught:
            await client.chat.completions.create(**{"model": "spar:bfs", "messages": ASKED, **body})
    told: Any = caught.value.body
    assert set(told) == {"message", "type", "param", "code", "fix"}
    assert told["message"].endswith(told["fix"])


async def test_fields_that_ask_for_nothing_are_let_pass(at: Gateway) -> None:
    neutral: Any = {"n": 1, "presence_penalty": 0, "logprobs": False, "user": "me", "stop": None, "tools": []}
    async with at.client() as client:
        reply = await client.chat.completions.create(model="spar:actor", messages=ASKED, **neutral)
    assert reply.choices[0].message.content


async def test_without_the_token_nothing_is_told(at: Gateway) -> None:
    async with at.client("wrong") as client:
        for asking in (client.models.list(), client.chat.completions.create(model="spar:bfs", messages=ASKED)):
            with pytest.raises(openai.AuthenticationError, match="api_key"):
                await asking


async def test_a_cut_off_response_is_returned_as_such_and_refined_as_it_stands(at: Gateway) -> None:
    async with at.client() as client:
        reply = await client.chat.completions.create(model="spar:actor", messages=ASKED, max_tokens=3)
        refined = await client.chat.completions.create(model="spar:bfs", messages=ASKED, max_tokens=3)
    assert reply.choices[0].finish_reason == "length"
    assert len(str(reply.choices[0].message.content).split()) == 3
    assert (refined.choices[0].finish_reason, spar(refined)["ending"]) == ("stop", "solved")
