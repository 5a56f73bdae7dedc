"""Reads lm-eval's output: a score with its interval for each task, and every sample for reading and comparing.

Knows nothing of how it was run.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.benchmarks.report import KeptReport
from spar.evaluation.statistics import Z95, Proportion

PREFERRED = ("exact_match,flexible-extract", "exact_match,remove_whitespace", "pass@1,create_test", "acc,none")
"""The metric of a task that has several, as lm-eval names them."""
_WHOLE = 1e-6  # of an item: tolerance for sums of shares
AVERAGED = ("gsm8k", "triviaqa", "mmlu", "humaneval")


def read_results(folder: Path, tasks: Mapping[str, str], settings: Mapping[str, str | int]) -> KeptReport:
    """A report in the form of `BenchmarkReport.as_json`, with its items; `tasks` are lm-eval's names by ours."""
    outputs = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("lm-eval-*/**/results_*.json"))
    ]
    if not outputs:
        raise DataError(f"lm-eval left no results in {folder}.", "Look into its log there.")
    scores: dict[str, float] = {}
    intervals: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    metrics: dict[str, str] = {}
    for name, task in tasks.items():
        # The newest first: an older attempt may have left its own.
        run = next((each for each in reversed(outputs) if task in each["results"]), None)
        if run is None:
            raise DataError(f"lm-eval has no result for {name}.", f"Look into its log in {folder}.")
        metric, value, error = _metric(run["results"][task])
        metrics[name], scores[name], counts[name] = metric, round(100 * value, 4), _items(run, task)
        interval = _interval(value, error, counts[name])
        if interval is not None:
            intervals[name] = [round(100 * end, 4) for end in interval]
    if all(name in scores for name in AVERAGED):
        scores["average"] = sum(scores[name] for name in AVERAGED) / len(AVERAGED)
    versions = {
        "lm_eval": str(outputs[-1].get("lm_eval_version")),
        "transformers": str(outputs[-1].get("transformers_version")),
    }
    report = {
        "benchmark": "general",
        "counts": counts,
        "scores": scores,
        "intervals": intervals,
        "tables": {"metrics": [{"task": name, "metric": metric} for name, metric in metrics.items()]},
        "settings": {**settings, **versions},
        "warnings": [],
    }
    return KeptReport(report, tuple(_samples(folder, tasks, metrics)))


def _metric(result: Mapping[str, Any]) -> tuple[str, float, float | None]:
    """Name, value and standard error of the metric that counts."""
    values = {
        name: value
        for name, value in result.items()
        if "," in name and "_stderr," not in name and isinstance(value, int | float)
    }
    if not values:
        raise DataError("lm-eval's result has no metric.", "Check the task's file.")
    name = next((each for each in PREFERRED if each in values), next(iter(values)))
    metric, _, how = name.partition(",")
    error = result.get(f"{metric}_stderr,{how}")
    return name, float(values[name]), float(error) if isinstance(error, int | float) else None


def _interval(value: float, error: float | None, items: int) -> tuple[float, float] | None:
    """Wilson's interval for a share of items; for anything else, from lm-eval's standard error."""
    right = value * items
    if items and abs(right - round(right)) < _WHOLE and 0 <= value <= 1:
        return Proportion(successes=round(right), total=items).interval
    return None if error is None else (value - Z95 * error, value + Z95 * error)


def _items(run: Mapping[str, Any], task: str) -> int:
    """The number of items: of a group, the sum over its parts, which may be groups themselves."""
    if task in run["n-samples"]:
        return int(run["n-samples"][task]["effective"])
    return sum(_items(run, part) for part in run.get("group_subtasks", {}).get(task, ()))


def _samples(folder: Path, tasks: Mapping[str, str], metrics: Mapping[str, str]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name, task in tasks.items():
        metric, _, how = metrics[name].partition(",")
        for path in sorted(folder.glob(f"lm-eval-*/**/samples_{task}*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                sample = json.loads(line)
                if sample.get("filter", how) != how:  # a row for each way of reading the reply
                    continue
                key = f"{path.name.rpartition('_')[0].removeprefix('samples_')}/{sample['doc_id']}"
                correct = bool(sample.get(metric))
                rows[key] = {"item": key, "correct": correct, "target": sample["target"], "said": sample["resps"]}
    return list(rows.values())
