"""What programs around the `openai` client send: returned replies, neutral fields, parts, `n` and `stop`."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from services.gateway.settings import GatewaySettings
from services.gateway.worker import make_app
from tests.unit.gateway.running import TOKEN, Gateway, gateway, served

ASKED: Any = [{"role": "user", "content": "Write of a river."}]


@pytest.fixture
async def at() -> AsyncIterator[Gateway]:
    async with gateway() as running:
        yield running


async def test_a_reply_is_accepted_back_as_a_message(at: Gateway) -> None:
    async with at.client() as client:
        first = await client.chat.completions.create(model="spar:actor", messages=ASKED)
        turns: Any = [*ASKED, first.choices[0].message, {"role": "user", "content": "Shorter."}]
        second = await client.chat.completions.create(model="spar:actor", messages=turns)
    assert second.choices[0].message.content


@pytest.mark.parametrize(
    "more",
    [
        {"refusal": None, "tool_calls": None, "function_call": None, "audio": None, "annotations": []},
        {"tool_calls": [], "annotations": [{"type": "url_citation"}], "reasoning_content": "Hm.", "name": "a"},
        {"provider_specific_fields": {"x": 1}, "type": "text", "id": "msg_1"},
        {"content": [{"type": "output_text", "text": "It runs.", "annotations": []}]},
        {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "It runs."}]},
        {"content": None, "refusal": "I would rather not."},
        {"content": None, "audio": {"id": "audio_1", "transcript": "It runs."}},
        {"audio": {"id": "audio_1"}},
    ],
)
async def test_what_an_assistants_turn_has_besides_its_text_is_let_pass(at: Gateway, more: dict[str, Any]) -> None:
    turns: Any = [*ASKED, {"role": "assistant", "content": "It runs.", **more}, {"role": "user", "content": "More."}]
    async with at.client() as client:
        reply = await client.chat.completions.create(model="spar:actor", messages=turns)
    assert reply.choices[0].message.content


@pytest.mark.parametrize(
    "more",
    [
        {"tool_choice": "none", "top_logprobs": 0, "max_tokens": -1, "functions": [], "logit_bias": {}},
        {"tool_choice": "auto", "tools": [], "logprobs": False, "stop": None, "n": None, "audio": None},
        {"stream_options": None, "user": "me", "metadata": {"a": "b"}, "store": False, "service_tier": "auto"},
        {"modalities": ["text"], "response_format": {"type": "text"}, "verbosity": "medium", "prediction": None},
        {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "chat_template_kwargs": {}, "stop": ["", ""]},
        {"parallel_tool_calls": True, "safety_identifier": "me", "prompt_cache_key": "k", "web_search_options": None},
    ],
)
async def test_fields_with_their_neutral_value_are_let_pass(at: Gateway, more: dict[str, Any]) -> None:
    async with at.client() as client:
        reply = await client.chat.completions.create(model="spar:actor", messages=ASKED, extra_body=more)
    assert reply.choices[0].message.content


async def test_marks_of_caching_on_parts_are_let_pass_and_parts_are_lines(at: Gateway) -> None:
    parts = [
        {"type": "text", "text": "Summarise this:", "cache_control": {"type": "ephemeral"}},
        {"type": "input_text", "text": "The cat sat."},
    ]
    async with at.client() as client:
        reply = await client.chat.completions.create(
            model="spar:bfs",
            messages=[{"role": "user", "content": parts}],  # type: ignore[list-item, misc]
            extra_body={"spar": {"tree": True}},
        )
    assert reply.model_extra is not None
    assert reply.model_extra["spar"]["tree"]["prompt"] == "Summarise this:\nThe cat sat."


def _with_turn(turn: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [*ASKED, turn, *ASKED]}


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"top_k": 40}, "top_k"),
        ({"n": 0}, "n"),
        ({"max_tokens": -2}, "max_tokens"),
        ({"stop": 5}, "stop"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, IMAGE]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": {"text": "What?"}}]}, "messages.0.content"),
        (_with_turn({"role": "assistant", "content": None, "tool_calls": [CALL]}), "messages.1.tool_calls"),
        (_with_turn({"role": "assistant", "function_call": CALL["function"]}), "messages.1.function_call"),
        (_with_turn({"role": "tool", "content": "4", "tool_call_id": "1"}), "messages.1.role"),
        (_with_turn({"role": "assistant", "content": None, "audio": {"id": "a"}}), "messages.1.audio"),
        (_with_turn({"role": "user", "content": "Hear.", "audio": {"data": "AA=="}}), "messages.1.audio"),
    ],
)
async def test_what_asks_for_more_than_text_is_refused_by_its_name(
    at: Gateway, body: dict[str, Any], param: str
) -> None:
    async with at.client() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="spar:bfs", messages=ASKED, extra_body=body)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert param in caught.value.message


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_actor_alone_gives_as_many_responses_as_requested(at: Gateway, streamed: bool) -> None:
    async with at.client() as client:
        if streamed:
            stream = await client.chat.completions.create(
                model="spar:actor", messages=ASKED, n=3, seed=5, stream=True, stream_options={"include_usage": True}
            )
            texts, finished = ["", "", ""], []
            async for chunk in stream:
                for choice in chunk.choices:
                    texts[choice.index] += choice.delta.content or ""
                    finished += [choice.index] if choice.finish_reason else []
        else:
            reply = await client.chat.completions.create(model="spar:actor", messages=ASKED, n=3, seed=5)
            texts = [str(choice.message.content) for choice in reply.choices]
            finished = [choice.index for choice in reply.choices]
            assert reply.model_extra is not None
            assert reply.model_extra["spar"]["counts"]["generations"] == 3
        single = await client.chat.completions.create(model="spar:actor", messages=ASKED, seed=5)
    assert finished == [0, 1, 2]
    assert texts[0] == single.choices[0].message.content
    assert all(texts)
    assert len(set(texts)) > 1


async def _first_text(at: Gateway, model: str, **more: Any) -> Any:
    async with at.client() as client:
        return (await client.chat.completions.create(model=model, messages=ASKED, seed=3, **more)).choices[0]


@pytest.mark.parametrize("model", ["spar:actor", "spar:bfs", "spar:best_of_responses"])
async def test_a_text_ends_before_its_stop_string(at: Gateway, model: str) -> None:
    whole = str((await _first_text(at, model)).message.content)
    word = whole.split()[2]
    choice = await _first_text(at, model, stop=[word, "never written"])
    assert word not in choice.message.content
    assert choice.finish_reason == "stop"
    if model == "spar:actor":
        assert choice.message.content == whole[: whole.index(word)].strip()


async def test_a_text_that_stops_before_its_limit_is_not_cut_off(at: Gateway) -> None:
    whole = str((await _first_text(at, "spar:actor", max_tokens=4)).message.content)
    choice = await _first_text(at, "spar:actor", max_tokens=4, stop=whole.split()[2])
    assert choice.finish_reason == "stop"
    assert choice.message.content.split() == whole.split()[:2]


def _without_system_turns() -> FastAPI:
    """A server of a model whose template refuses system messages; it repeats what it received."""
    app = FastAPI()

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": "m", "object": "model"}]}

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> JSONResponse:
        messages = (await request.json())["messages"]
        if messages[0]["role"] == "system":
            said = {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}
            return JSONResponse(said, 400)
        if "impossible" in messages[-1]["content"]:
            return JSONResponse({"error": {"message": "Roles must alternate.", "code": 400}}, 400)
        text = " | ".join(f"{turn['role']}: {turn['content']}" for turn in messages)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return JSONResponse({"choices": [choice], "usage": usage})

    return app


async def test_an_actor_without_system_messages_gets_their_text_before_the_users() -> None:
    async with served(_without_system_turns()) as url:
        settings = GatewaySettings(actor=f"{url}/v1", refiner=f"{url}/v1", token=SecretStr(TOKEN))
        app = make_app(settings)
        async with served(app) as at, Gateway(at, app.state.backend).client() as client:
            turns: Any = [{"role": "system", "content": "Be brief."}, *ASKED]
            for _ in range(2):  # the second time it is known
                reply = await client.chat.completions.create(model="spar:actor", messages=turns)
                assert reply.choices[0].message.content == "user: Be brief.\n\nWrite of a river."
            turns[-1] = {"role": "user", "content": "impossible"}
            with pytest.raises(openai.BadRequestError, match="Roles must alternate"):
                await client.chat.completions.create(model="spar:actor", messages=turns)
