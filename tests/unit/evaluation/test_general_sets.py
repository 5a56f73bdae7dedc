"""What a run keeps of general benchmarks' files: datasets as lm-eval looks for them, or task files as they are."""

import json
from pathlib import Path

import pytest

from spar.data.readers.benchmark_files import DataFile, write_data_files
from spar.errors import DataError
from spar.evaluation.general_sets import files_for_run, questions_in


def test_published_files_are_kept_as_the_datasets_of_the_hub(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"question": f"{name}?", "answer": "#### 1"}) + "\n")
    (tmp_path / "notes.txt").write_text("no part of it")
    files = files_for_run(["gsm8k"], tmp_path)
    assert [file.name for file in files] == [
        "openai/gsm8k/README.md",
        "openai/gsm8k/main/test.jsonl",
        "openai/gsm8k/main/train.jsonl",
    ]
    assert questions_in(files) == ["test?", "train?"]
    write_data_files(files, tmp_path / "again")
    assert (tmp_path / "again" / "openai" / "gsm8k" / "main" / "test.jsonl").read_text() == files[1].text


def test_task_files_of_ones_own_are_kept_with_what_lies_beside_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "facts.yaml").write_text("task: facts\n")
    (tmp_path / "_shared").write_text("output_type: generate_until\n")
    (tmp_path / "data" / "facts.jsonl").write_text('{"question": "q"}\n{"other": 1}\n[]\n')
    files = files_for_run(["facts"], tmp_path)
    assert [file.name for file in files] == ["_shared", "data/facts.jsonl", "facts.yaml"]
    assert questions_in(files) == ["q"]


def test_a_line_that_is_no_json_is_reported_by_its_file() -> None:
    with pytest.raises(DataError, match=r"facts\.jsonl has a line"):
        questions_in([DataFile(name="facts.jsonl", text="{")])
