"""Files of pairs: what `spar sets import` and an export write is read; what is no pair is told with its place."""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.data.sets.importing import import_sets
from spar.errors import DataError
from spar.export.layouts import conversational_pair
from spar.method.records import Pair, Prompt
from spar.submission.init_inputs import read_pairs

PAIR = Pair(prompt=Prompt.of("Write one line."), chosen="One line", rejected="One\ntwo")
ROW = conversational_pair(PAIR)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_what_an_export_and_an_import_write_is_read(tmp_path: Path) -> None:
    exported = write(tmp_path / "exported.jsonl", ROW)
    assert read_pairs(exported, 10) == [PAIR]
    import_sets([exported], tmp_path / "sets")
    assert read_pairs(tmp_path / "sets" / "pairs.jsonl", 10) == [PAIR]


def test_no_more_rows_than_are_wanted(tmp_path: Path) -> None:
    assert len(read_pairs(write(tmp_path / "pairs.jsonl", ROW, ROW, ROW), 2)) == 2


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"messages": []}, "is not a pair"),
        ({**ROW, "prompt": "Write one line."}, "is not a pair"),
        ({**ROW, "chosen": ROW["prompt"]}, "one message of the assistant"),
        ({**ROW, "prompt": ROW["prompt"] * 2}, "one message of the user"),
        ({**ROW, "chosen": ROW["rejected"]}, "two equal sides"),
        ([], "is not a pair"),
        ({**ROW, "images": ["a.png"]}, "`images` is not empty"),
        ({**ROW, "weight": 0}, "excluded from training"),
    ],
)
def test_what_is_no_pair_is_told_with_its_line(tmp_path: Path, row: Any, told: str) -> None:
    path = write(tmp_path / "pairs.jsonl", ROW, row)
    with pytest.raises(DataError, match=f"line 2 .*{told}"):
        read_pairs(path, 10)


def test_a_file_without_any_pair(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pair"):
        read_pairs(write(tmp_path / "pairs.jsonl"), 10)
