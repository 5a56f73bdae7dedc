"""Every kind of source gives the same rows; what is broken costs its row and is told."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from spar.data import text_files
from spar.data.rows import NOT_TEXT, Unusable
from spar.data.sources import Options, check_sources, read_source
from spar.errors import DataError

ROWS = [{"id": "1", "prompt": "Écris un poème,\nen vers."}, {"id": "2", "prompt": 'Say "hi" []{},'}]


def _json_lines(path: Path) -> Path:
    file = path / "a.jsonl"
    file.write_text("\ufeff" + "\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS), encoding="utf-8")
    return file


def _json_array(path: Path) -> Path:
    file = path / "a.json"
    file.write_text(" \n" + json.dumps(ROWS, indent=2, ensure_ascii=False), encoding="utf-8")
    return file


def _packed(path: Path) -> Path:
    file = path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(_json_lines(path).read_bytes()))
    return file


def _csv(path: Path) -> Path:
    file = path / "a.csv"
    file.write_text('id,prompt\r\n1,"Écris un poème,\nen vers."\r\n2,"Say ""hi"" []{},"\r\n', "utf-8", newline="")
    return file


def _parquet(path: Path) -> Path:
    file = path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{**row, "other": [1.0]} for row in ROWS]), file)
    return file


def _dataset(path: Path) -> Path:
    from datasets import Dataset, DatasetDict

    DatasetDict({"train": Dataset.from_list(ROWS)}).save_to_disk(path / "saved")
    return path / "saved"


@pytest.mark.parametrize("write", [_json_lines, _json_array, _packed, _csv, _parquet, _dataset])
def test_every_kind_gives_the_same_rows(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    assert [fields for _, fields in read_source(str(write(tmp_path)), Options())] == ROWS


def _reasons(found: list[tuple[int, Any]]) -> dict[int, str]:
    return {row: f"{fields.kind}: {fields.reason}" for row, fields in found if isinstance(fields, Unusable)}


def test_broken_lines_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "a"}\n{"prompt": \n[1]\n{"p": "\xe9\n' + b"[" * 100_000 + b'\n{"prompt": "b"}')
    found = list(read_source(str(path), Options()))
    assert [row for row, fields in found if isinstance(fields, dict)] == [1, 6]
    assert _reasons(found) == {
        2: "broken: not JSON: Expecting value at character 13",
        3: "broken: not a row of keys",
        4: f"encoding: {NOT_TEXT}",
        5: "broken: not JSON that can be read: nested too deep",
    }


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"prompt": "' + b"x" * (text_files.LONGEST_ROW + 100_000) + b'"}\n{"prompt": "b"}\n')
    found = list(read_source(str(path), Options()))
    assert _reasons(found) == {1: "broken: longer than 16,777,216 characters"}
    assert found[1] == (2, {"prompt": "b"})


def test_a_csv_row_of_other_columns_and_an_open_quote(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'id,prompt\n1,a\n2,b,c\n3,\xe9\n4,"open\nto the end\n')
    found = list(read_source(str(path), Options()))
    assert _reasons(found) == {
        3: "broken: 3 columns, but the first line names 2",
        5: "broken: not CSV: unexpected end of data (lines 5 to 6)",
    }
    assert found[2][1] == {"id": "3", "prompt": "\udce9"}  # told as a wrong encoding once it is the prompt


def test_a_parquet_text_that_is_not_utf_8(tmp_path: Path) -> None:
    texts = pyarrow.array([b"fine", b"\xff\xfe"], pyarrow.binary()).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"prompt": texts}), tmp_path / "a.parquet")
    found = list(read_source(str(tmp_path / "a.parquet"), Options()))
    assert found[0] == (1, {"prompt": "fine"})
    assert _reasons(found) == {2: "encoding: a text that is not UTF-8 (byte 1)"}


def test_an_encoding_is_asked_for_where_a_mark_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "é"}\n', encoding="utf-16")
    with pytest.raises(DataError, match="Add --encoding utf-16"):
        list(read_source(str(path), Options()))
    assert list(read_source(str(path), Options(encoding="utf-16"))) == [(1, {"prompt": "é"})]
    with pytest.raises(DataError, match="Unknown encoding 'utf-99'"):
        list(read_source(str(path), Options(encoding="utf-99")))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.json", b'[{"prompt": "a"}, {"prompt": ]', "row 2: Expecting value"),
        ("a.json", b'[{"prompt": "a"} {"prompt": "b"}]', "'{' where ',' belongs"),
        ("a.json", b'[{"prompt": "a"},\n{"prom', "row 2: "),
        ("a.json", b'[{"prompt": "a"} ', "its end where ']' belongs"),
        ("a.json", b'[{"prompt": "a"}', "its end where ']' belongs"),
        ("a.json", b'[{"prompt": "a"}] \n[{"prompt": "b"}]', "after its end: a file holds one array"),
        ("a.json", b'[{"prompt": "a"},]', "row 2: Expecting value"),
        ("a.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("a.jsonl.gz", gzip.compress(b'{"prompt": "a"}\n' * 9, mtime=0)[:-12], "cannot be read to its end"),
        ("a.jsonl.gz", b"not packed", "cannot be read to its end"),
        ("a.csv", b"\n1,a\n", "does not name its columns"),
    ],
)
def test_what_breaks_a_whole_file_is_told(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=told):
        list(read_source(str(tmp_path / name), Options()))


def test_an_array_keeps_what_other_readers_change_or_refuse(tmp_path: Path) -> None:
    """Numbers beyond 64 bits, halves of surrogate pairs; the last of keys that are there twice; a byte that is no text
    spoils its row alone."""
    first = rb'[{"prompt": "a", "id": 123456789012345678901234567890}, {"prompt": "\ud800\ud800"}, '
    rest = b'{"prompt": "b", "prompt": "c"}, {"prompt": "\xff"}, {"prompt": "d"}]\n\n'
    (tmp_path / "a.json").write_bytes(first + rest)
    assert [fields for _, fields in read_source(str(tmp_path / "a.json"), Options())] == [
        {"prompt": "a", "id": 123456789012345678901234567890},
        {"prompt": "\ud800\ud800"},
        {"prompt": "c"},
        {"prompt": "\udcff"},
        {"prompt": "d"},
    ]


def test_a_long_array_is_read_in_pieces(tmp_path: Path) -> None:
    rows = [{"prompt": f"{i} " + "x" * (i * 700)} for i in range(400)]
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    assert [fields for _, fields in read_source(str(tmp_path / "a.json"), Options())] == rows


def test_sources_are_checked_before_any_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.jsonl").write_text("")
    for name, told in [("a.txt", "does not show its format"), ("nope", "does not exist"), (".", "is a folder")]:
        with pytest.raises(DataError, match=told):
            check_sources([str(tmp_path / name)], Options())
    with pytest.raises(DataError, match="named twice"):
        check_sources([str(tmp_path / "b.jsonl")] * 2, Options())


def test_a_split_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'test'"):
        list(read_source(str(_dataset(tmp_path)), Options(split="test")))


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    command = ["prompts", "import", "nobody/nothing", "--format", "hf", "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "spar.cli.main", *command],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "error: The dataset nobody/nothing (split train) cannot be read after row 0" in done.stderr


def test_a_saved_dataset_that_is_damaged_is_told(tmp_path: Path) -> None:
    saved = _dataset(tmp_path)
    for file in saved.rglob("*.arrow"):
        file.write_bytes(b"damaged")
    with pytest.raises(DataError, match="cannot be read after row 0"):
        list(read_source(str(saved), Options()))
