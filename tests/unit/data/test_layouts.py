"""Where the prompt is, in every layout, and what is told when it is not there."""

import json
from typing import Any

import pytest

from spar.data.layouts import Layout, LeftOut, PromptRules, RowPrompt, SystemRule, find_prompt
from spar.data.rows import RejectKind, Unusable
from spar.data.text_rows import TextRules

ANSWER = {"role": "assistant", "content": "x"}
USER = {"role": "user", "content": "Ask."}
SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "Ask.", "id": 7}, RowPrompt("Ask.", "7")),
        ({"prompt": [USER], "chosen": "x"}, RowPrompt("Ask.")),
        ({"messages": [USER, ANSWER]}, RowPrompt("Ask.")),
        (
            {"messages": [USER, ANSWER, {"role": "user", "content": "y"}]},
            RowPrompt("Ask.", None, (LeftOut.LATER_TURNS,)),
        ),
        ({"messages": json.dumps([USER, ANSWER])}, RowPrompt("Ask.")),
        ({"messages": str([USER, ANSWER])}, RowPrompt("Ask.")),
        ({"prompt": json.dumps([USER])}, RowPrompt("Ask.")),
        ({"prompt": '[{"colour": "red"}] is JSON. Explain it.'}, RowPrompt('[{"colour": "red"}] is JSON. Explain it.')),
        ({"conversations": {"from": ["human", "gpt"], "value": ["Ask.", "x"]}}, RowPrompt("Ask.")),
        ({"chosen": [USER, ANSWER], "rejected": [USER, ANSWER]}, RowPrompt("Ask.")),
        ({"input": {"messages": [USER]}, "preferred_output": [ANSWER]}, RowPrompt("Ask.")),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Ask."}]}]}, RowPrompt("Ask.")),
        ({"conversations": [{"from": "human", "value": "Ask."}, {"from": "gpt", "value": "x"}]}, RowPrompt("Ask.")),
        ({"instruction": "Ask.", "input": "This.", "output": "x"}, RowPrompt("Ask.\nThis.")),
        ({"instruction": "Ask.", "input": " "}, RowPrompt("Ask.")),
        ({"instruction": "More?", "history": [["Ask.", "x"]]}, RowPrompt("Ask.", None, (LeftOut.LATER_TURNS,))),
        ({"instruction": "Ask.", "history": []}, RowPrompt("Ask.")),
        ({"input": "Ask.", "output_1": "x"}, RowPrompt("Ask.")),
    ],
)
def test_the_layout_is_told_by_the_keys(row: dict[str, Any], expected: RowPrompt) -> None:
    assert find_prompt(row, "auto") == expected


@pytest.mark.parametrize(
    ("row", "layout", "told"),
    [
        ({"text": "x"}, "auto", "none of the keys"),
        ({"prompt": 3}, "plain", "`prompt` is not a text"),
        ({"conversations": "x"}, "sharegpt", "not a list of messages in JSON"),
        ({"messages": "x"}, "sharegpt", "no key `conversation`"),
        ({"conversations": [{"from": "gpt", "value": "x"}]}, "sharegpt", "starts with a turn of 'gpt'"),
        ({"messages": [SYSTEM]}, "messages", "no turn of the user"),
        ({"messages": [3]}, "messages", "is not {role, content}"),
        ({"messages": '[{"role": "user", "content": '}, "auto", "not a list of messages in JSON"),
        ({"conversations": '"Ask."'}, "auto", "not a list of messages in JSON"),
        ({"chosen": "x", "rejected": "y"}, "auto", "not a list of messages in JSON"),
        ({"conversations": {"from": ["human"], "value": []}}, "auto", "is not {role, content}"),
        ({"messages": [{"role": "user", "content": None}]}, "auto", "a turn of the user has no text"),
        ({"instruction": "x", "history": ["y"]}, "auto", "`history` is not a list of [user, assistant]"),
        ({"instruction": "x", "input": ["y"]}, "alpaca", "`input` is not a text"),
        ({"prompt": "x", "system": 1}, "auto", "`system` is not a text"),
    ],
)
def test_why_there_is_no_prompt(row: dict[str, Any], layout: Layout, told: str) -> None:
    found = find_prompt(row, layout)
    assert isinstance(found, Unusable)
    assert found.kind is RejectKind.LAYOUT
    assert told in found.reason


SYSTEM_ROWS: list[dict[str, Any]] = [
    {"messages": [SYSTEM, USER]},
    {"prompt": "Ask.", "system": "Be brief."},
    {"prompt": "Ask.", "system_prompt": "Be brief."},
    {"messages": [USER], "system_message": "Be brief."},
]


@pytest.mark.parametrize(("rule", "text"), [("ignore", "Ask."), ("prepend", "Be brief.\n\nAsk."), ("reject", None)])
@pytest.mark.parametrize("row", SYSTEM_ROWS)
def test_a_system_message_is_never_dropped_unasked(row: dict[str, Any], rule: SystemRule, text: str | None) -> None:
    found = find_prompt(row, "auto", rules=PromptRules(system=rule))
    left_out = (LeftOut.SYSTEM,) if rule == "ignore" else ()
    if isinstance(found, RowPrompt):
        assert (found.text, found.left_out) == (text, left_out)
    else:
        assert text is None
        assert (found.kind, "--system" in found.reason) == (RejectKind.SYSTEM, True)


def test_a_field_can_be_named() -> None:
    assert find_prompt({"question": "Ask.", "prompt": "no"}, "auto", "question") == RowPrompt("Ask.")


PICTURE = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "a.png"}}]
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "weather"}}]}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "What is this?", "images": ["a.png"]},
        {"prompt": "What is this?", "image": {"bytes": b"x", "path": None}},
        {"prompt": "What is this?", "photo": {"bytes": b"x", "path": None}},
        {"prompt": "What is said?", "audios": "['a.wav']"},
        {"messages": [USER], "videos": ["a.mp4"]},
        {"messages": [{"role": "user", "content": PICTURE}]},
        {"prompt": "<image>\nWhat is this?"},
        {"prompt": "What is this?\n<image>"},
        {"prompt": "In <image>, how many boats are there?"},
        {"prompt": "<|vision_start|><|image_pad|><|vision_end|>What is this?"},
        {"conversations": [{"from": "human", "value": "<audio>What is said here?"}]},
    ],
)
def test_a_row_of_more_than_text_is_rejected(row: dict[str, Any]) -> None:
    found = find_prompt(row, "auto")
    assert isinstance(found, Unusable)
    assert found.kind is RejectKind.MORE_THAN_TEXT
    ignored = find_prompt(row, "auto", rules=PromptRules(text=TextRules(media="ignore")))
    assert isinstance(ignored, RowPrompt) is not isinstance(row.get("messages", [{}])[0].get("content"), list)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Ask.", "images": [], "audio": None, "video": "", "image": {"bytes": None, "path": None}},
        {"prompt": "Ask.", "images": "[]", "tools": "[]", "videos": [None], "image": float("nan")},
        {"prompt": "Write a page with a <video> tag.", "tools": None},
        {"prompt": "What does `<image>` mean in RSS?"},
        {"prompt": "Explain the element <image> of RSS."},
        {"prompt": "Repair this: <audio><source></audio>"},
        {"prompt": "Is a < b > c?"},
    ],
)
def test_a_row_of_text_alone_is_taken(row: dict[str, Any]) -> None:
    found = find_prompt(row, "auto")
    assert isinstance(found, RowPrompt)
    assert found.text == row["prompt"]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Ask.", "tools": '[{"name": "weather"}]'},
        {"messages": [USER], "tools": [{"type": "function"}]},
        {"messages": [USER, CALL, {"role": "tool", "content": "4"}]},
        {"conversations": [{"from": "human", "value": "Ask."}, {"from": "function_call", "value": "{}"}]},
        {"input": {"messages": [USER], "tools": [{"type": "function"}]}},
    ],
)
def test_rows_with_tools_are_rejected_or_counted(row: dict[str, Any]) -> None:
    found = find_prompt(row, "auto")
    assert isinstance(found, Unusable)
    assert (found.kind, "--tools" in found.reason) == (RejectKind.TOOLS, True)
    ignored = find_prompt(row, "auto", rules=PromptRules(text=TextRules(tools="ignore")))
    assert ignored == RowPrompt("Ask.", None, (LeftOut.TOOLS,))
