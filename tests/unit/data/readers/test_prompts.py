"""A prompts file gives its usable prompts in order, and names every other row with the reason."""

import json
from pathlib import Path

import pytest

from spar.data.readers.prompts import Reject, read_prompts, usable_prompts
from spar.errors import DataError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prompts.jsonl"


def test_prompts_come_in_order_past_a_bom_blank_lines_and_further_keys(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "one"}\n\n{"id": 7, "prompt": "zwei \xc3\xa4"}\r\n{"prompt": "last"}')
    found = read_prompts(path)
    assert found.prompts == ["one", "zwei ä", "last"]
    assert found.rejects == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"prompt": "x"', "not JSON"),
        (b'{"prompt": "\xe9"}', "not UTF-8 (byte 13 of the line)"),
        (b'{"prompt": ""}', "`prompt` is empty"),
        (b'{"prompt": " \\n "}', "`prompt` is empty"),
        (b'{"prompt": null}', "`prompt` is not a text"),
        (b'{"text": "x"}', "no key `prompt`"),
        (b'{"prompt": "x", "images": ["a.png"]}', "`images` is not empty"),
        (b'{"prompt": "<image>What is it?"}', "placeholder for more than text"),
        (b'{"prompt": "x", "tools": [{"name": "weather"}]}', "`tools` is not empty"),
        (b'{"prompt": "x", "system": "Be brief."}', "a system message, and a prompt has none"),
        (b'{"prompt": [{"role": "assistant", "content": "x"}]}', "starts with a turn of 'assistant'"),
        (b'["x"]', "not a row of keys"),
        (b'{"prompt": "a\\u0000b"}', "cannot be stored"),
        (b'{"prompt": "\\ud800"}', "cannot be stored"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"prompt": "first"}', "the same prompt as in line 1"),
    ],
)
def test_rejects_are_named_by_line(path: Path, row: bytes, reason: str) -> None:
    path.write_bytes(b'{"prompt": "first"}\n' + row + b'\n{"prompt": "third"}\n')
    found = read_prompts(path)
    assert found.prompts == ["first", "third"]
    assert [reject.line for reject in found.rejects] == [2]
    assert reason in found.rejects[0].reason


def test_messages_give_their_first_user_turn_and_that_is_reported(path: Path) -> None:
    turns = [{"role": role, "content": role + str(i)} for i in range(2) for role in ("user", "assistant")]
    rows = [{"prompt": turns[:2]}, {"prompt": json.dumps(turns[2:])}, {"prompt": "x", "messages": turns}]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"prompt": turns}]))
    found = usable_prompts(path, 3)
    assert found.prompts == ["user0", "user1", "x"]
    assert [reject.reason for reject in found.rejects] == ["the same prompt as in line 1"]
    assert found.notes == ("1 prompts are conversations: only the first user turn is used",)


def test_a_file_of_another_kind_is_to_be_imported(path: Path) -> None:
    for name, text in (("my prompts.csv", "prompt\nx\n"), ("a.jsonl", '{\n"data": []\n}')):
        path.with_name(name).write_text(text)
        with pytest.raises(DataError, match=r"spar prompts import .*(my prompts\.csv'|a\.jsonl) --out"):
            usable_prompts(path.with_name(name), 1)


def test_too_few_prompts_tell_how_many_and_why(path: Path) -> None:
    path.write_text('{"prompt": "one"}\nbroken\n')
    assert usable_prompts(path, 1).rejects == [Reject(2, "not JSON: Expecting value at character 1")]
    with pytest.raises(DataError) as caught:
        usable_prompts(path, 2)
    told = str(caught.value)
    assert "holds 1 usable prompts; the recipe needs 2, 1 rows were not usable (line 2: not JSON" in told
    assert "Lower prompts.per_iteration" in told


def test_nothing_usable(path: Path) -> None:
    path.write_text("\n")
    with pytest.raises(DataError, match="holds no usable prompt"):
        usable_prompts(path, 1)


def test_a_file_that_cannot_be_read(path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_prompts(path)
