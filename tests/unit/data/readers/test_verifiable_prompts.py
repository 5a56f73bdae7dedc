"""Prompts that came with instructions a program can check: which rows are taken, and which are refused."""

from pathlib import Path

import pytest

from spar.data.readers.verifiable_prompts import RuledPrompt, read_ruled_prompts
from spar.errors import DataError

GOOD = '{"prompt": "p", "instruction_id_list": ["a:b", "c:d"], "kwargs": [{"n": 3, "m": null}, {}], "key": 1}\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "prompts.jsonl"
    path.write_text(text)
    return path


def test_rows_with_instructions_are_read_and_others_left_to_the_run(tmp_path: Path) -> None:
    found = read_ruled_prompts(written(tmp_path, '{"prompt": "free"}\n' + GOOD))
    assert found == [RuledPrompt("p", ("a:b", "c:d"), ({"n": 3}, {}))]


def test_a_file_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the audit of the refiner's judging needs"):
        read_ruled_prompts(written(tmp_path, '{"prompt": "free"}\n'))


@pytest.mark.parametrize(
    "row",
    [
        '{"prompt": "p", "instruction_id_list": ["a:b"], "kwargs": []}',
        '{"prompt": "p", "instruction_id_list": [], "kwargs": []}',
        '{"prompt": "p", "instruction_id_list": ["a:b"]}',
        '{"prompt": "p", "instruction_id_list": ["a:b"], "kwargs": [3]}',
        '{"prompt": "p", "instruction_id_list": ["a:b"]',
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError, match=r"line 2"):
        read_ruled_prompts(written(tmp_path, GOOD + row + "\n"))
