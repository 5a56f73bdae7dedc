"""What lm-eval leaves behind, read: scores with intervals, items to compare, and an error that says what was missing.

The files have the shape that lm-eval 0.4.13 writes; the real thing runs in `make evals`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.cli.eval_general import GeneralJob
from spar.errors import DataError, EngineError
from spar.experiments.lm_eval.results import read_results
from spar.experiments.lm_eval.run import failure_of

TASKS = {"gsm8k": "gsm8k", "mmlu": "mmlu"}
GSM8K = {
    "exact_match,strict-match": 0.25,
    "exact_match_stderr,strict-match": 0.2,
    "exact_match,flexible-extract": 0.5,
    "exact_match_stderr,flexible-extract": 0.25,
    "alias": "gsm8k",
}
MMLU = {"acc,none": 0.61234, "acc_stderr,none": 0.01, "alias": "mmlu"}


def run(
    folder: Path, place: int, results: dict[str, Any], samples: dict[str, int], groups: dict[str, list[str]]
) -> Path:
    below = folder / f"lm-eval-{place}" / "m"
    below.mkdir(parents=True)
    told = {
        "results": results,
        "group_subtasks": groups,
        "n-samples": {task: {"original": 100, "effective": number} for task, number in samples.items()},
        "lm_eval_version": "0.4.13",
        "transformers_version": "5.19.0",
    }
    (below / f"results_2026-01-01T00-00-0{place}.json").write_text(json.dumps(told))
    return below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    below = run(tmp_path, 0, {"gsm8k": GSM8K}, {"gsm8k": 4}, {"gsm8k": []})
    said = {"target": "4", "resps": [["4"]]}
    rows = [
        {"doc_id": i, **said, "filter": how, "exact_match": float(i < right)}
        for i in range(4)
        for how, right in (("flexible-extract", 2), ("strict-match", 1))
    ]
    (below / "samples_gsm8k_2026-01-01T00-00-00.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    groups = {"mmlu": ["mmlu_social", "mmlu_art"], "mmlu_social": ["mmlu_law"]}
    run(tmp_path, 1, {"mmlu": MMLU, "mmlu_law": MMLU}, {"mmlu_law": 60, "mmlu_art": 40}, groups)
    return tmp_path


def test_each_task_has_its_score_its_interval_and_its_items(folder: Path) -> None:
    kept = read_results(folder, TASKS, {"model": "m"})
    result = kept.report
    assert result["scores"] == {"gsm8k": 50.0, "mmlu": 61.234}
    assert result["counts"] == {"gsm8k": 4, "mmlu": 100}
    low, high = result["intervals"]["gsm8k"]  # Wilson's of 2 of 4
    assert (low, high) == pytest.approx((15.0, 85.0), abs=0.1)
    assert result["intervals"]["mmlu"] == pytest.approx([59.274, 63.194], abs=0.01)  # no share of whole items
    assert result["settings"] == {"model": "m", "lm_eval": "0.4.13", "transformers": "5.19.0"}
    assert kept.correct == {"gsm8k/0": True, "gsm8k/1": True, "gsm8k/2": False, "gsm8k/3": False}


def test_a_task_without_a_result_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match="no result for triviaqa"):
        read_results(folder, {"triviaqa": "triviaqa"}, {})
    with pytest.raises(DataError, match="left no results"):
        read_results(folder / "nowhere", TASKS, {})


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("ConnectionError: Couldn't reach 'openai/gsm8k' on the Hub", DataError, "HF_HOME"),
        ("ValueError: the task is broken", EngineError, "Look into"),
        ("", EngineError, "Look into"),
    ],
)
def test_why_lm_eval_failed_is_told(tmp_path: Path, said: str, kind: type[Exception], told: str) -> None:
    log = tmp_path / "lm-eval.log"
    log.write_text(f"first line\n{said}\n")
    asked = {"dtype": "float32", "window": 1, "limit": None, "max_tokens": None, "seed": 0}
    job = GeneralJob.of("http://x/v1#m", "gsm8k", None, tmp_path, asked, False)
    error = failure_of(job.work, log)
    assert type(error) is kind
    assert told in error.fix
    assert str(log) in error.fix
