"""`spar reproduce --ours`: reports of `spar eval --json` are read, and what is not used is reported."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError
from spar.experiments.paper_tables.ours import OWN_NOTE, Given, read_ours
from spar.experiments.paper_tables.published import read_table


def given(folder: Path, table: int, rows: dict[str, Any]) -> Given:
    path = folder / "ours.json"
    path.write_text(json.dumps(rows))
    return read_ours(path, read_table(table))


def report(benchmark: str, settings: dict[str, Any] | None = None, **scores: float) -> dict[str, Any]:
    return {"benchmark": benchmark, "scores": scores, "settings": settings or {}, "warnings": []}


def test_a_refinement_report_fills_both_columns_of_table_3(tmp_path: Path) -> None:
    rows = {
        "SPaR-8B-SFT": [report("refinement", acc_gpt=75.0, acc_spar=70.0)],
        "SPaR-8B-RFT-iter1": report("refinement", acc_judge=76.0, acc_last_refiner=71.0),
    }
    found = given(tmp_path, 3, rows)
    assert found.ours["SPaR-8B-SFT"] == {"refinement.acc_gpt": 75.0, "refinement.acc_spar": 70.0}
    assert found.ours["SPaR-8B-RFT-iter1"] == {"refinement.acc_gpt": 76.0, "refinement.acc_spar": 71.0}
    assert found.notes == []


def test_a_refiners_rating_of_itself_is_no_column_and_reported(tmp_path: Path) -> None:
    found = given(tmp_path, 3, {"SPaR-8B-SFT": report("refinement", acc_self=90.0)})
    assert found.ours["SPaR-8B-SFT"] == {}
    assert found.notes == [OWN_NOTE]


def test_columns_and_rows_that_are_not_used_are_reported(tmp_path: Path) -> None:
    rows = {
        "SPaR-8B-SFT": [report("ifeval", average=77.0), {"llmbar.Natural.accuracy": 1.0, "sudoku.solved": 2.0}],
        "SPaR-8B-RFT-iter1": {"llmbar.Natural.accuracy": 1.0},
    }
    found = given(tmp_path, 1, rows)
    assert found.ours == {"SPaR-8B-SFT": {"ifeval.average": 77.0}}
    assert found.notes == [
        "Table 1 has no row for SPaR-8B-RFT-iter1: not used here.",
        "Table 1 has no column for llmbar.Natural.accuracy: not used here.",
        "No table of the paper has a column sudoku.solved: not used.",
    ]


def test_a_limit_a_search_a_warning_and_a_repeat_are_reported(tmp_path: Path) -> None:
    searched = report("ifeval", {"limit": 50, "strategy": '"bfs"'}, average=83.0) | {"warnings": ["3 are empty."]}
    row = "SPaR-8B-DPO-iter3"
    found = given(tmp_path, 1, {row: [{"ifeval.average": 1.0}, searched]})
    assert found.ours[row] == {"ifeval.average": 83.0}
    assert found.notes == [
        f"{row}: ifeval.average is given twice; the last one counts.",
        f"{row}: ifeval: 3 are empty.",
        f"{row}: ifeval was evaluated on the first 50 items only: not comparable with the paper.",
        f"{row}: ifeval was measured by bfs, and this row is of responses without a search.",
    ]
    assert (
        given(tmp_path, 1, {f"{row} w/ tree search": report("ifeval", {"strategy": '"bfs"'}, average=1.0)}).notes == []
    )


@pytest.mark.parametrize("part", ["text", 3, {"ifeval.average": "77"}, {"ifeval.average": True}, [[1]], []])
def test_what_is_no_row_is_an_error(tmp_path: Path, part: Any) -> None:
    with pytest.raises(DataError, match="the row 'SELF' is neither columns with numbers nor reports"):
        given(tmp_path, 1, {"SELF": part})


def test_a_row_of_no_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row 'SPaR-8B-sft'"):
        given(tmp_path, 1, {"SPaR-8B-sft": {}})


def test_what_eval_prints_stands_beside_theirs(tmp_path: Path) -> None:
    given_ = ["refinement", "--model", "builtin:story/refiner", "--limit", "2", "--judge", "gpt=builtin:story/backbone"]
    last = ["--judge", "spar=builtin:story/refiner", "--out", str(tmp_path / "evals"), "--json"]
    printed = CliRunner().invoke(build_app("eval"), ["eval", *given_, *last], catch_exceptions=False).stdout
    path = tmp_path / "ours.json"
    path.write_text(json.dumps({"SPaR-8B-RFT-iter3": json.loads(printed)}))
    arguments = ["reproduce", "table3", "--ours", str(path), "--json"]
    told = json.loads(CliRunner().invoke(build_app("reproduce"), arguments, catch_exceptions=False).stdout)
    row = next(each for each in told["rows"] if each["model"] == "SPaR-8B-RFT-iter3")
    scores = json.loads(printed)["scores"]
    assert row["cells"]["refinement.acc_gpt"]["ours"] == scores["acc_gpt"]
    assert row["cells"]["refinement.acc_spar"]["ours"] == scores["acc_spar"]
    assert any("on the first 2 items only" in note for note in told["notes"])
