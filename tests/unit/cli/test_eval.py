"""`spar eval` and `spar reproduce` as a user calls them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError
from tests.unit.evaluation.benchmarks import ifeval_writer
from tests.unit.evaluation.benchmarks.places import IFEVAL, LLMBAR
from tests.unit.evaluation.benchmarks.test_llmbar import NO, YES, replies


def spar(*arguments: object) -> str:
    given = [str(argument) for argument in arguments]
    done = CliRunner().invoke(build_app(given[0]), given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments: object) -> DataError:
    with pytest.raises(DataError) as error:
        spar(*arguments)
    return error.value


@pytest.fixture
def lazy(tmp_path: Path) -> Path:
    return replies(tmp_path / "lazy.jsonl", LLMBAR, lambda good: YES)


def test_json_is_one_object_with_counts_and_scores(lazy: Path) -> None:
    told = json.loads(spar("eval", "llmbar", "--answers", lazy, "--data", LLMBAR, "--json"))
    assert told["counts"]["items"] == 838
    assert told["scores"]["average.accuracy"] == 50.0
    assert told["intervals"]["Natural.f1"]
    assert set(told["settings"]) == {"data", "answers"}


def test_ifeval_prints_its_counts(tmp_path: Path) -> None:
    answers = ifeval_writer.write(tmp_path / "answers.jsonl", IFEVAL)
    answers.write_text("\n".join(answers.read_text().splitlines()[:5]))
    told = json.loads(spar("eval", "ifeval", "--answers", answers, "--data", IFEVAL, "--partial", "--json"))
    wanted = {"prompts", "instructions", "prompt_strict", "prompt_loose", "inst_strict", "inst_loose"}
    assert wanted <= told["counts"].keys()
    assert told["settings"]["lm_eval"]


def test_people_get_scores_tables_and_a_comparison(lazy: Path, tmp_path: Path) -> None:
    right = replies(tmp_path / "right.jsonl", LLMBAR, lambda good: YES if good else NO)
    items = tmp_path / "items.jsonl"
    told = spar("eval", "llmbar", "--answers", right, "--data", LLMBAR, "--against", lazy, "--items", items)
    assert "llmbar: 838 items, 838 correct" in told
    assert "GPTOut" in told
    assert "+50.0 [" in told
    rows = [json.loads(line) for line in items.read_text().splitlines()]
    assert len(rows) == 838
    assert rows[0]["item"] == "Natural/0/1"


def test_a_benchmark_that_is_not_there_is_told(lazy: Path) -> None:
    assert "Choose one of: ifeval, followbench, llmbar" in str(refused("eval", "x", "--answers", lazy, "--data", "."))


def test_reproduce_shows_theirs_alone_and_says_what_was_not_run() -> None:
    told = spar("reproduce", "table1")
    assert "SPaR-8B-DPO-iter3 w/ tree search" in told
    assert "not run: LLaMA3-8B-Instruct; AutoIF-8B" in told


def ours(path: Path, given: dict[str, Any]) -> Path:
    path.write_text(json.dumps(given))
    return path


def test_reproduce_puts_reports_of_eval_beside_the_paper(lazy: Path, tmp_path: Path) -> None:
    report = json.loads(spar("eval", "llmbar", "--answers", lazy, "--data", LLMBAR, "--json"))
    given = ours(tmp_path / "ours.json", {"SPaR-7B-SFT": [report], "SELF": {"llmbar.Natural.f1": 60}})
    told = json.loads(spar("reproduce", "8", "--ours", given, "--json"))
    rows = {row["model"]: row["cells"] for row in told["rows"]}
    assert rows["SPaR-7B-SFT"]["llmbar.average.accuracy"] == {"theirs": 64.3, "ours": 50.0, "difference": -14.3}
    gaps = {gap["model"]: gap["columns"] for gap in told["not_run"]}
    assert "SPaR-7B-SFT" not in gaps
    assert len(gaps["SELF"]) == 13
    assert told["mismatches"][0]["recomputed"] == 55.975
    shown = spar("reproduce", "table8", "--ours", given)
    assert "-14.3" in shown
    assert "not run for SELF: llmbar.Natural.accuracy" in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "not a JSON object"),
        ("{", "cannot be read"),
        ('{"SELF": 3}', "'SELF' is neither"),
        ('{"X": {}}', "no row"),
    ],
)
def test_numbers_of_ours_that_cannot_be_read_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "ours.json").write_text(text)
    assert told in refused("reproduce", "table1", "--ours", tmp_path / "ours.json").what


@pytest.mark.parametrize("name", ["table9", "figure4", ""])
def test_a_table_that_is_not_there_is_told(name: str) -> None:
    assert refused("reproduce", name).fix
