"""The shapes of what servers send, good and bad."""

import json

import pytest

from spar.engines.openai_replies import OneChoiceOnly, error_message, model_names, read_completions, refusal
from spar.errors import ConversationTooLong, EngineError, EngineUnavailable


def body(*choices: dict[str, object], **more: object) -> bytes:
    return json.dumps({"choices": choices, **more}).encode()


def test_choices_come_in_the_order_of_their_index() -> None:
    replies = read_completions(
        body(
            {"index": 1, "message": {"content": "b"}, "finish_reason": "length"},
            {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"},
            usage={"prompt_tokens": 7, "completion_tokens": 5},
        ),
        "here",
        max_tokens=3,
    )
    assert [(reply.text, reply.finish_reason) for reply in replies] == [("a", "stop"), ("b", "length")]
    assert [reply.prompt_tokens for reply in replies] == [7, 7]
    assert [reply.completion_tokens for reply in replies] == [2, 3]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop", "stop"), (None, "stop"), ("eos", "stop"), ("length", "length"), ("content_filter", "length")],
)
def test_finish_reasons(reason: str | None, expected: str) -> None:
    [reply] = read_completions(body({"message": {"content": None}, "finish_reason": reason}), "here", 9)
    assert (reply.text, reply.finish_reason) == ("", expected)


@pytest.mark.parametrize("sent", [b"", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"text": "x"}]}', b"\xff"])
def test_anything_else_is_told_as_such(sent: bytes) -> None:
    with pytest.raises(EngineUnavailable, match="here"):
        read_completions(sent, "here", 9)


@pytest.mark.parametrize(
    ("status", "said", "n", "kind"),
    [
        (401, "no", 1, EngineError),
        (400, "This model's maximum context length is 2048 tokens", 1, ConversationTooLong),
        (400, "Only one completion choice is allowed", 3, OneChoiceOnly),
        (400, "n must be 1 when using greedy sampling", 3, OneChoiceOnly),
        (400, "n must be 1 when using greedy sampling", 1, EngineError),
        (422, "temperature is out of range", 3, EngineError),
        (413, "", 1, ConversationTooLong),
    ],
)
def test_what_a_refusal_stands_for(status: int, said: str, n: int, kind: type[Exception]) -> None:
    error = refusal(status, json.dumps({"error": {"message": said}}).encode(), "here", "m", n)
    assert type(error) is kind


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b'{"error": {"message": "a\\n b"}}', "a b"),
        (b'{"error": "a"}', "a"),
        (b'{"object": "error", "message": "a"}', "a"),
        (b'{"detail": [{"msg": "a"}]}', '[{"msg": "a"}]'),
        (b"plain", "plain"),
        (b"", "no message"),
    ],
)
def test_messages_in_the_usual_shapes(sent: bytes, expected: str) -> None:
    assert error_message(sent) == expected


def test_names_of_models() -> None:
    assert model_names(b'{"data": [{"id": "a"}, {"id": "b"}]}') == ["a", "b"]
    assert model_names(b"<html>") is None


@pytest.mark.parametrize("total", [0, 2, 3, 7, 20, 30, 35])
def test_shares_of_tokens_add_up_to_what_the_server_counted(total: int) -> None:
    replies = read_completions(
        body(
            {"message": {"content": ""}, "finish_reason": "stop"},
            {"message": {"content": "word " * 40}, "finish_reason": "stop"},
            {"message": {"content": "word"}, "finish_reason": "length"},
            usage={"completion_tokens": total},
        ),
        "here",
        max_tokens=10,
    )
    shares = [reply.completion_tokens for reply in replies]
    assert sum(shares) == total
    assert all(0 <= share <= 10 for share in shares) or total > 30
