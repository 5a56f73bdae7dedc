"""Which lines `spar refine` searches, and why it rejects the others."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from spar.inference.batch.rows import read_rows

ROW = {"prompt": "Write about rain.", "response": "Rain falls."}


def reason(folder: Path, row: dict[str, Any]) -> str | None:
    source = folder / "in.jsonl"
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    [found] = read_rows(source)
    assert (found.reason is None) == bool(found.prompt)
    return found.reason


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"images": ["cat.png"]}, "more than text: `images`"),
        ({"picture": {"bytes": "iVBO", "path": None}}, "more than text: `picture`"),
        ({"prompt": "What is in <image>?"}, "placeholder for more than text: <image>"),
        ({"tools": [{"name": "search"}]}, "the row has tools"),
        ({"weight": 0}, r"excluded from training \(weight: 0\)"),
        ({"train": False}, r"excluded from training \(train: false\)"),
        ({"system": "Speak like a pirate."}, "a system message"),
        ({"prompt": json.dumps([{"role": "user", "content": "Hi"}])}, "`prompt` is a conversation"),
        ({"prompt": [{"role": "user", "content": "Hi"}]}, "`prompt` is a conversation"),
        ({"prompt": 5}, "`prompt` is not a text"),
        ({"response": " "}, "`response` is empty"),
    ],
)
def test_rows_that_an_import_would_refuse_are_rejected(more: dict[str, Any], why: str, tmp_path: Path) -> None:
    found = reason(tmp_path, {**ROW, **more})
    assert found is not None
    assert re.search(why, found)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"label": False},  # a bad response is what a refinement is for
        {"images": [], "tools": "[]", "system": "", "weight": 1},
        {"prompt": "Close the <video> tag."},
        {"response": "See <image> there."},
    ],
)
def test_other_columns_and_undesired_responses_are_searched(more: dict[str, Any], tmp_path: Path) -> None:
    assert reason(tmp_path, {**ROW, **more}) is None
