"""The story world scored from rows: its rules decide, whatever a row says of itself."""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.errors import DataError
from spar.evaluation.benchmarks.measuring import score_file
from spar.evaluation.benchmarks.refinement.negatives import WORLD
from spar.evaluation.benchmarks.report import BenchmarkReport

PROMPT = "start knife ; words 4"
GOOD, BAD = "knife moss echo honey", "moss knife"


def score(folder: Path, *rows: dict[str, Any]) -> BenchmarkReport:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return score_file("story", path, Path(WORLD))


def row(measure: str, reply: str, given: str | None = None, **more: str) -> dict[str, Any]:
    return {"measure": measure, "prompt": PROMPT, "reply": reply, "given": given, **more}


def test_each_measure_is_checked_by_the_rules(tmp_path: Path) -> None:
    report = score(
        tmp_path,
        row("actor_greedy", GOOD),
        row("actor_greedy", BAD),
        row("actor_greedy", GOOD, failure="cut_off"),
        row("judge", "Judgement : Yes ; Final Judgement: Yes", GOOD),
        row("judge", "Final Judgement: Yes", BAD),
        row("refine", f"[[start]] {GOOD} [[end]]", BAD),
        row("refine", f"[[start]] {BAD} [[end]]", BAD),
    )
    assert report.scores == pytest.approx({"actor_greedy": 100 / 3, "judge": 50.0, "refine": 50.0})
    assert report.counts == {"actor_greedy": 3, "judge": 2, "refine": 2, "failures": 1}


def test_an_unknown_measure_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2"):
        score(tmp_path, row("actor_greedy", GOOD), row("pair", GOOD))
