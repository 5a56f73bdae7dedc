"""Files of responses: what is broken, unknown, doubled or missing is told with its line."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from spar.errors import DataError
from spar.evaluation.benchmarks.rows import Answers, NumberedRow, encode, match_answers, rows_in_memory, rows_of_file

KNOWN = (1, 2, 3)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def row(key: object) -> str:
    return json.dumps({"key": key, "response": "yes", "extra": [1]})


def read(path: Path, partial: bool = False) -> Answers[int]:
    return match_answers(rows_of_file(path), KNOWN, lambda line: line.whole("key"), partial)


def test_rows_come_in_the_order_of_the_benchmark_and_blank_lines_are_none(tmp_path: Path) -> None:
    answers = read(write(tmp_path / "a.jsonl", row(3), "", row(1), row(2), ""))
    assert list(answers.lines) == [1, 2, 3]
    assert [line.number for line in answers.lines.values()] == [3, 4, 1]


@pytest.mark.parametrize("written", [(1, 2, 3), ("1", "2", "3"), (1.0, "2.0", " 3 ")])
def test_a_number_may_be_written_as_its_digits(tmp_path: Path, written: tuple[object, ...]) -> None:
    assert list(read(write(tmp_path / "a.jsonl", *map(row, written))).lines) == [1, 2, 3]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((row(1), "{"), "line 2: not JSON"),
        ((row(1), "[1]"), "line 2: not a JSON object"),
        ((row(1), row(1)), "line 2: item 1 is in line 1 already"),
        ((row(1), row(9)), "line 2: the benchmark has no item 9"),
        ((row(1), row("two")), "line 2: 'key' is 'two', not a whole number"),
        ((row(1), row("")), "line 2: 'key' is '', not a whole number"),
        ((row(1), row(2.5)), "line 2: 'key' is 2.5, not a whole number"),
        ((row(1), row("1")), "line 2: item 1 is in line 1 already"),
        ((row(1), row(True)), "line 2: 'key' is True, not a whole number"),
        ((row(1), "{}"), "line 2: 'key' is missing, not a whole number"),
        ((row(1),), "has 1 of the benchmark's 3 items; missing: 2, 3"),
        (("",), "has 0 of the benchmark's 3 items"),
    ],
)
def test_what_cannot_be_scored_is_told(tmp_path: Path, lines: tuple[str, ...], told: str) -> None:
    with pytest.raises(DataError) as error:
        read(write(tmp_path / "a.jsonl", *lines))
    assert told in error.value.what
    assert error.value.fix


def test_a_part_is_read_when_asked_for_but_nothing_is_never_a_part(tmp_path: Path) -> None:
    assert list(read(write(tmp_path / "a.jsonl", row(2)), partial=True).lines) == [2]
    with pytest.raises(DataError, match="has 0 of"):
        read(write(tmp_path / "b.jsonl", ""), partial=True)


def test_compressed_files_are_read_by_their_name(tmp_path: Path) -> None:
    raw = "\n".join(row(key) for key in KNOWN).encode()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(raw))
    assert read(tmp_path / "a.jsonl.gz").digest == read(tmp_path / "a.jsonl.zst").digest


@pytest.mark.parametrize("name", ["none.jsonl", "bad.zst", "bad.gz"])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, name: str) -> None:
    if name.startswith("bad"):
        (tmp_path / name).write_bytes(b"not compressed")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / name)


def test_a_text_may_be_empty_but_must_be_there() -> None:
    line = NumberedRow(4, {"response": "", "reply": None, "n": 1}, "f")
    assert line.text("response") == ""
    assert line.optional_text("reply") is None
    with pytest.raises(DataError, match="line 4: 'n' is 1, not a string"):
        line.text("n")


def test_rows_in_memory_are_the_same_as_their_file(tmp_path: Path) -> None:
    rows = [{"key": 2, "response": "\ud83d broken"}, {"key": 1, "response": "é"}]
    (tmp_path / "a.jsonl").write_bytes(encode(rows))
    file, memory = rows_of_file(tmp_path / "a.jsonl"), rows_in_memory(rows)
    assert memory.digest == file.digest
    assert [line.fields for line in memory.lines] == [line.fields for line in file.lines]


def test_a_bad_row_in_memory_is_reported_by_its_number() -> None:
    rows = rows_in_memory([{"key": 1}, {"key": 9}])
    with pytest.raises(DataError, match="The request's result line 2: the benchmark has no item 9"):
        match_answers(rows, KNOWN, lambda line: line.whole("key"))
    with pytest.raises(DataError, match="The request's result has 1 of"):
        match_answers(rows_in_memory([{"key": 1}]), KNOWN, lambda line: line.whole("key"))
