"""What a server's refusal means: tables of wordings as servers send them."""

import json
from typing import Any

import pytest

from spar.engines.openai_errors import ServerError, error_in, error_within, parsed, read_error
from spar.engines.openai_refusals import LEAST_BODY_LIMIT, TRANSIENT, is_too_long, is_transient, refusal
from spar.errors import ConversationTooLong, EngineError, EngineUnavailable, PromptRefused


def sent(status: int, body: Any) -> ServerError:
    return read_error(status, json.dumps(body).encode())


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


TOO_LONG: dict[str, ServerError] = {
    "openai": sent(
        400,
        error(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            type="invalid_request_error",
            param="messages",
            code="context_length_exceeded",
        ),
    ),
    "openai by code": sent(400, error("Too much.", code="context_length_exceeded")),
    "openai string": sent(
        400, error("Invalid 'messages[0].content': string too long.", code="string_above_max_length")
    ),
    "azure": sent(400, error("Input tokens exceed the configured limit.", code="context_length_exceeded")),
    "anthropic 413": sent(413, error("Request exceeds the maximum size", type="request_too_large")),
    "vllm": sent(
        400,
        {
            "object": "error",
            "message": "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens in the "
            "messages, Please reduce the length of the messages.",
            "type": "BadRequestError",
            "code": 400,
        },
    ),
    "vllm input": sent(
        400,
        error(
            "You passed 4097 input tokens and requested 1 output tokens. However, the model's context length is only "
            "4096 tokens, resulting in a maximum input length of 4095 tokens. Please reduce the length of the input "
            "prompt. (parameter=input_tokens, value=4097)",
            type="BadRequestError",
            param="input_tokens",
            code=400,
        ),
    ),
    "sglang": sent(
        400, {"message": "The input (9000 tokens) is longer than the model's context length (4096 tokens)."}
    ),
    "sglang sum": sent(
        400,
        {
            "message": "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested "
            "a total of 9100 tokens: 9000 tokens from the input messages and 100 tokens for the completion."
        },
    ),
    "tgi": sent(
        422,
        {
            "error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
            "error_type": "validation",
        },
    ),
    "tgi sum": sent(
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` "
            "tokens and 2048 `max_new_tokens`"
        },
    ),
    "llama.cpp": sent(
        400,
        error(
            "the request exceeds the available context size, try increasing it",
            code=400,
            type="exceed_context_size_error",
            n_prompt_tokens=9000,
        ),
    ),
    "llama.cpp 500": sent(500, error("Context size has been exceeded.", code=500, type="server_error")),
    "llama.cpp batch": sent(500, error("input is too large to process. increase the physical batch size", code=500)),
    "ollama": sent(400, {"error": "the input length exceeds the context length"}),
    "ollama prompt": sent(400, error("prompt too long; exceeded max context length by 200 tokens")),
    "lm studio": sent(
        400,
        {
            "error": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough."
        },
    ),
    "lm studio keep": sent(
        400,
        {"error": "The number of tokens to keep from the initial prompt is greater than the context length."},
    ),
    "anthropic": sent(400, error("prompt is too long: 210000 tokens > 200000 maximum", type="invalid_request_error")),
    "gemini": sent(
        400,
        [
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (1100000) exceeds the maximum number of tokens allowed "
                    "(1048576).",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
    ),
    "vertex": sent(
        400,
        error(
            "Unable to submit request because the input token count is 40000 but model only supports up to 32768.",
            code=400,
            status="INVALID_ARGUMENT",
        ),
    ),
    "mistral": sent(
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context"
            " length",
            "type": "invalid_request_prompt",
            "code": "3051",
        },
    ),
    "deepseek": sent(
        400,
        error(
            "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (70000 in the "
            "messages, 0 in the completion). Please reduce the length of the messages or completion.",
            type="invalid_request_error",
        ),
    ),
    "groq": sent(400, error("Please reduce the length of the messages or completion.", param="messages")),
    "together": sent(
        422, error("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs`.")
    ),
    "openrouter": sent(
        400,
        error(
            "This endpoint's maximum context length is 4096 tokens. However, you requested about 9000 tokens (9000 of "
            "text input). Please reduce the length of either one.",
            code=400,
        ),
    ),
    "bedrock": sent(400, error("Input is too long for requested model.")),
    "xai": sent(400, {"error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}),
    "cohere": sent(
        400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000."}
    ),
    "fireworks": sent(400, error("The prompt is too long: 200000, model maximum context length: 131071")),
    "dashscope": sent(400, error("Range of input length should be [1, 30720]", code="invalid_parameter_error")),
    "moonshot": sent(
        400, error("Invalid request: Your request exceeded model token limit: 8192", type="invalid_request_error")
    ),
    "our gateway": sent(400, error("A prompt and the tokens requested do not fit into the model m: 9000 tokens")),
}

OTHERS: dict[str, ServerError] = {
    "another parameter": sent(
        400,
        error("Invalid 'user': string too long. Expected a string with maximum length 64.", param="user"),
    ),
    "its words": sent(400, error("input too long", param="stop")),
    "temperature": sent(400, error("temperature must be less than or equal to 2", param="temperature")),
    "template": sent(400, error("Conversation roles must alternate user/assistant/user/assistant/...")),
    "system": sent(400, error("System role not supported")),
    "logprobs": sent(400, error("top_logprobs exceeds the maximum of 20")),
    "unknown field": sent(400, error("Unrecognized request argument supplied: context_window")),
    "stop": sent(422, error("`stop` supports up to 4 stop sequences. Given: 6")),
    "rate": sent(429, error("Rate limit reached: too many tokens per minute. Please reduce the length of the prompt.")),
    "crash": sent(500, error("Internal server error")),
    "key": sent(401, error("Incorrect API key provided")),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_conversation_that_is_too_long_is_recognised(name: str) -> None:
    found = TOO_LONG[name]
    assert is_too_long(found)
    assert not is_transient(found)
    assert type(refusal(found, "here", "m", "KEY")) is ConversationTooLong


@pytest.mark.parametrize("message", ["no message", "<html><h1>413 Request Entity Too Large</h1></html>"])
def test_a_413_is_the_conversations_fault_only_if_that_is_large(message: str) -> None:
    """Of a small one it would be every one's: the limit of a proxy that was set too low."""
    found = ServerError(status=413, message=message)
    assert not is_transient(found)
    assert type(refusal(found, "here", "m", "KEY", sent=LEAST_BODY_LIMIT + 1)) is ConversationTooLong
    small = refusal(found, "here", "m", "KEY", sent=LEAST_BODY_LIMIT)
    assert type(small) is EngineUnavailable
    assert "proxy" in small.fix


@pytest.mark.parametrize("name", OTHERS)
def test_another_refusal_is_not_about_the_conversation(name: str) -> None:
    found = OTHERS[name]
    assert not is_too_long(found)
    assert not isinstance(refusal(found, "here", "m", "KEY"), ConversationTooLong)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529])
def test_a_server_that_is_busy_is_worth_another_attempt_and_then_unavailable(status: int) -> None:
    found = ServerError(status=status, message="no message")
    assert is_transient(found)
    assert type(refusal(found, "here", "m", "KEY")) is EngineUnavailable
    assert not is_transient(found, frozenset())


@pytest.mark.parametrize("status", [408, 504, 524])
def test_a_time_limit_of_the_servers_is_reported_with_its_fix(status: int) -> None:
    assert "max_tokens" in refusal(ServerError(status=status, message="gateway timeout"), "here", "m", "KEY").fix


@pytest.mark.parametrize(
    ("found", "kind", "match"),
    [
        (sent(401, error("no")), EngineError, "credentials.*KEY"),
        (sent(403, error("no")), EngineError, "credentials.*KEY"),
        (sent(429, error("You exceeded your current quota", code="insufficient_quota")), EngineError, "quota"),
        (sent(402, error("Insufficient credits")), EngineError, "quota"),
        (sent(400, error("The response was filtered", code="content_filter")), PromptRefused, "content of a prompt"),
        (sent(400, error("temperature is out of range")), EngineError, "sampling settings"),
        (sent(403, error("Your input was flagged by moderation")), PromptRefused, "content of a prompt"),
        (
            sent(403, error("This model requires moderation; your input was flagged for violence")),
            PromptRefused,
            "content of a prompt",
        ),
        (
            sent(400, error("Input data may contain inappropriate content.", code="data_inspection_failed")),
            PromptRefused,
            "content of a prompt",
        ),
    ],
)
def test_what_a_refusal_stands_for(found: ServerError, kind: type[Exception], match: str) -> None:
    assert not is_transient(found)
    with pytest.raises(kind, match=match):
        raise refusal(found, "here", "m", "KEY")


def test_no_status_is_both_transient_and_about_the_request() -> None:
    assert not TRANSIENT & {400, 401, 402, 403, 404, 413, 422}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error": {"message": "a\\n b"}}', ServerError(status=400, message="a b")),
        (b'{"error": "a"}', ServerError(status=400, message="a")),
        (b'{"object": "error", "message": "a", "code": 40}', ServerError(status=400, message="a", code="40")),
        (b'[{"error": {"message": "a", "status": "X"}}]', ServerError(status=400, message="a", code="X")),
        (
            b'{"error": {"message": "a", "type": "t", "param": "n", "code": "c"}}',
            ServerError(status=400, message="a", code="c", type="t", param="n"),
        ),
        (b'{"error": {"message": "a (parameter=max_tokens, value=3)"}}', "max_tokens"),
        (b'{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "a"}]}', "seed"),
        (b'{"detail": "a"}', ServerError(status=400, message="a")),
        (b"plain", ServerError(status=400, message="plain")),
        (b"", ServerError(status=400, message="no message")),
        (b"\xff", ServerError(status=400, message="\ufffd")),
    ],
)
def test_errors_in_the_usual_shapes(body: bytes, expected: ServerError | str) -> None:
    found = read_error(400, body)
    assert expected in (found, found.param)


def test_a_reply_without_a_body_is_an_error_that_may_pass() -> None:
    for body in (b"", b" \n"):
        found = error_within(body, parsed(body))
        assert found is not None
        assert is_transient(found)
    assert error_within(b"<html>", None) is None


WHOLE = {"message": {"content": "x"}, "finish_reason": "stop"}
BROKEN = {"message": {"content": "x"}, "finish_reason": "abort"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 429, "message": "busy"}}, 429),
        ({"error": {"code": "503", "message": "busy"}, "choices": None}, 503),
        ({"error": {"type": "overloaded_error", "message": "busy"}}, 503),
        ({"error": {"code": "rate_limit_exceeded", "message": "busy"}}, 429),
        ({"error": {"code": "context_length_exceeded", "message": "long"}}, 400),
        ({"error": "what it is, is not told"}, 502),
        ({"choices": None}, 502),
        ({"choices": []}, 502),
        ({"choices": [BROKEN, BROKEN]}, 503),
        ({"choices": [{**BROKEN, "finish_reason": "error", "error": {"code": 429, "message": "busy"}}]}, 429),
        ({"choices": [WHOLE, BROKEN]}, None),
        ({"choices": [WHOLE], "error": None}, None),
        ({"data": [], "error": None}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_errors_that_come_with_http_200(body: Any, status: int | None) -> None:
    found = error_in(body)
    assert (None if found is None else found.status) == status
