"""The shapes of chat completions, good and bad."""

import json
from typing import Any

import pytest

from spar.engines.base import Adjustment
from spar.engines.openai_replies import Choices, model_names, model_positions, read_choices
from spar.method.records import Message

ASKED = (Message("user", "Write about rain."),)


def read(*choices: dict[str, object], n: int = 9, max_tokens: int = 9, **more: object) -> Choices:
    return read_choices({"choices": list(choices), **more}, ASKED, n, max_tokens)


def choice(content: object, reason: str | None = "stop", **more: object) -> dict[str, object]:
    return {"message": {"content": content}, "finish_reason": reason, **more}


def test_choices_come_in_the_order_of_their_index() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    found = read(choice("b", "length", index=1), choice("a", index=0), usage=usage, n=2, max_tokens=3)
    replies = [found.completions[place] for place in (0, 1)]
    assert [(reply.text, reply.finish_reason) for reply in replies] == [("a", "stop"), ("b", "length")]
    assert [reply.prompt_tokens for reply in replies] == [7, 7]
    assert [reply.completion_tokens for reply in replies] == [2, 3]
    assert not any(reply.usage_estimated for reply in replies)


@pytest.mark.parametrize("indexes", [(None, None, None), (0, 0, 0), (4, 5, 6), (1, 2, 3)])
def test_choices_without_usable_indexes_come_in_their_order(indexes: tuple[int | None, ...]) -> None:
    texts = ("a", "b", "c")
    found = read(*(choice(text, index=index) for text, index in zip(texts, indexes, strict=True)), n=3)
    assert [found.completions[place].text for place in range(3)] == ["a", "b", "c"]


def test_choices_beyond_the_requested_are_dropped() -> None:
    found = read(*(choice(str(index), index=index) for index in range(5)), n=2)
    assert [each.text for each in found.completions.values()] == ["0", "1"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        *((reason, "stop") for reason in ("stop", None, "eos", "end_turn", "tool_calls", "STOP", "stop_sequence")),
        *((reason, "length") for reason in ("length", "max_tokens", "MAX_TOKENS", "model_length", "content_filter")),
        *((reason, "length") for reason in ("insufficient_system_resource", "SAFETY", "something new")),
    ],
)
def test_finish_reasons(reason: str | None, expected: str) -> None:
    found = read(choice(None, reason))
    assert (found.completions[0].text, found.completions[0].finish_reason) == ("", expected)
    assert found.unknown_reasons == (("something new",) if reason == "something new" else ())


@pytest.mark.parametrize("reason", ["error", "abort", "ERROR", "cancelled"])
def test_a_choice_that_the_server_broke_off_is_missing(reason: str) -> None:
    found = read(choice("whole", index=0), choice("A reply that brea", reason, index=1), n=2)
    assert (list(found.completions), found.number) == ([0], 2)


PART = {"type": "text", "text": "Hi"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, ""),
        ([PART], "Hi"),
        ([PART, {"text": " there"}, "!"], "Hi there!"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, PART], "Hi"),
        ([{"type": "output_text", "text": "Hi"}, {"type": "reference", "reference_ids": [1]}], "Hi"),
        ([], ""),
    ],
)
def test_content_is_joined_from_its_text_parts(content: object, expected: str) -> None:
    assert read(choice(content)).completions[0].text == expected


@pytest.mark.parametrize("content", [5, True, {"text": "Hi"}, [5], [{"type": "text"}], [{"type": "text", "text": 5}]])
def test_content_of_no_known_form_is_no_chat_completion(content: object) -> None:
    with pytest.raises(ValueError, match="content"):
        read(choice(content))


@pytest.mark.parametrize("sent", [None, [], {}, {"choices": []}, {"choices": [{"text": "x"}]}, {"choices": "x"}, "x"])
def test_anything_else_is_told_as_such(sent: Any) -> None:
    with pytest.raises(ValueError, match="choice"):
        read_choices(sent, ASKED, 1, 9)


def test_reasoning_without_content_is_noticed() -> None:
    assert read({"message": {"content": None, "reasoning_content": "hm"}, "finish_reason": "length"}).only_reasoning
    assert not read({"message": {"content": "x", "reasoning": "hm"}, "finish_reason": "stop"}).only_reasoning


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": None, "completion_tokens": None}, {"prompt_tokens": 0, "completion_tokens": 0}],
)
def test_tokens_that_are_not_reported_are_estimated_and_marked(usage: object) -> None:
    found = read(choice("eight ch", index=0), choice("", index=1), n=2, usage=usage).completions
    assert [each.completion_tokens for each in found.values()] == [2, 1]
    assert found[0].prompt_tokens == 9  # 17 characters in fours, and a turn
    assert all(each.usage_estimated for each in found.values())


def test_an_estimate_stays_below_the_limit_and_counts_reasoning() -> None:
    message = {"content": "", "reasoning_content": "hm " * 100}
    (found,) = read({"message": message, "finish_reason": "length"}, max_tokens=20).completions.values()
    assert found.completion_tokens == 20


def test_numbers_of_other_kinds_are_numbers() -> None:
    usage = {"prompt_tokens": 12.0, "completion_tokens": "5"}
    found = read(choice("text"), usage=usage).completions[0]
    assert (found.prompt_tokens, found.completion_tokens, found.usage_estimated) == (12, 5, False)


@pytest.mark.parametrize(
    ("sent", "names"),
    [
        (b'{"data": [{"id": "a"}, {"id": "b"}]}', ["a", "b"]),
        (b'[{"id": "a"}]', ["a"]),
        (b'{"models": [{"name": "a"}, {"model": "b"}, {}]}', ["a", "b"]),
        (b'{"data": ["a"]}', ["a"]),
        (b'"x"', None),
        (b"{}", None),
    ],
)
def test_names_of_models(sent: bytes, names: list[str] | None) -> None:
    assert model_names(json.loads(sent)) == names


def test_positions_of_models_are_those_of_an_adapters_parent() -> None:
    base = {"id": "base", "max_model_len": 96, "parent": None}
    adapter = {"id": "adapter", "max_model_len": None, "parent": "base"}
    others = [{"id": "plain"}, {"id": "lost", "parent": "gone"}, "text"]
    assert model_positions({"data": [base, adapter, *others]}) == {"base": 96, "adapter": 96}
    assert model_positions("x") == {}


@pytest.mark.parametrize(
    ("reason", "completed", "positions", "lowered"),
    [
        ("length", 20, None, False),
        ("length", 19, None, True),
        ("stop", 19, None, False),
        ("content_filter", 19, None, False),
        ("length", 0, None, False),  # not counted by the server
        ("stop", 5, 25, True),  # 10 tokens of prompt leave room for 15
        ("stop", 5, 30, False),
    ],
)
def test_a_reply_that_had_less_room_than_requested_is_noticed(
    reason: str, completed: int, positions: int | None, lowered: bool
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": completed}
    data = {"choices": [choice("Rain falls.", reason)], "usage": usage}
    found = read_choices(data, ASKED, 1, 20, positions)
    assert found.lowered is lowered
    assert found.adjusted(()).completions[0].adjustments == ((Adjustment.MAX_TOKENS_LOWERED,) if lowered else ())


@pytest.mark.parametrize("total", [2, 3, 7, 20, 30, 35])
def test_shares_of_tokens_add_up_to_what_the_server_counted(total: int) -> None:
    found = read(
        choice(""),
        choice("word " * 40),
        choice("word", "length"),
        usage={"prompt_tokens": 1, "completion_tokens": total},
        max_tokens=10,
    )
    shares = [reply.completion_tokens for reply in found.completions.values()]
    assert sum(shares) == total
    assert all(0 <= share <= 10 for share in shares) or total > 30
