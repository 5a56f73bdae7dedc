"""Where the prompt is, in every layout, and what is told when it is not there."""

from typing import Any

import pytest

from spar.data.layouts import Found, Layout, SystemRule, find_prompt
from spar.data.rows import RejectKind, Unusable

USER = {"role": "user", "content": "Ask."}
SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "Ask.", "id": 7}, Found("Ask.", "7")),
        ({"prompt": [USER], "chosen": "x"}, Found("Ask.")),
        ({"messages": [USER, {"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]}, Found("Ask.")),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Ask."}]}]}, Found("Ask.")),
        ({"conversations": [{"from": "human", "value": "Ask."}, {"from": "gpt", "value": "x"}]}, Found("Ask.")),
        ({"instruction": "Ask.", "input": "This.", "output": "x"}, Found("Ask.\nThis.")),
        ({"instruction": "Ask.", "input": " "}, Found("Ask.")),
        ({"input": "Ask.", "output_1": "x"}, Found("Ask.")),
    ],
)
def test_the_layout_is_told_by_the_keys(row: dict[str, Any], expected: Found) -> None:
    assert find_prompt(row, "auto", None, "reject") == expected


@pytest.mark.parametrize(
    ("row", "layout", "told"),
    [
        ({"text": "x"}, "auto", "none of the keys"),
        ({"prompt": 3}, "plain", "`prompt` is not a text"),
        ({"conversations": "x"}, "sharegpt", "neither a text nor a list"),
        ({"messages": "x"}, "sharegpt", "no key `conversation`"),
        ({"conversations": [{"from": "gpt", "value": "x"}]}, "sharegpt", "starts with a turn of 'gpt'"),
        ({"messages": [SYSTEM]}, "messages", "no turn of the user"),
        ({"messages": [3]}, "messages", "is not {role, content}"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages", "more than text"),
        ({"instruction": "x", "input": ["y"]}, "alpaca", "`input` is not a text"),
        ({"prompt": "x", "system": 1}, "auto", "`system` is not a text"),
    ],
)
def test_why_there_is_no_prompt(row: dict[str, Any], layout: Layout, told: str) -> None:
    found = find_prompt(row, layout, None, "reject")
    assert isinstance(found, Unusable)
    assert found.kind is RejectKind.LAYOUT
    assert told in found.reason


@pytest.mark.parametrize(("rule", "text"), [("ignore", "Ask."), ("prepend", "Be brief.\n\nAsk."), ("reject", None)])
@pytest.mark.parametrize("row", [{"messages": [SYSTEM, USER]}, {"prompt": "Ask.", "system": "Be brief."}])
def test_a_system_message_is_never_dropped_unasked(row: dict[str, Any], rule: SystemRule, text: str | None) -> None:
    found = find_prompt(row, "auto", None, rule)
    assert found.text == text if isinstance(found, Found) else text is None and "--system" in found.reason


def test_a_field_can_be_named() -> None:
    assert find_prompt({"question": "Ask.", "prompt": "no"}, "auto", "question", "reject") == Found("Ask.")
