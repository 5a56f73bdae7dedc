"""FollowBench: its driver, how many items its data hold, and what its judge's wording means for its scores."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.followbench.requests import first_examples, judge_template, request_rows
from spar.evaluation.benchmarks.followbench.scoring import read_tasks, score
from spar.evaluation.benchmarks.requests import BenchmarkRequest
from spar.evaluation.benchmarks.settings import short_digest

OUR_JUDGE_WORDING = (
    "The judge is prompted in this project's wording, not in FollowBench's: scores of what a judge decides"
    " are not those of the published tables."
)


def count_items(data: Path, limit: int | None) -> ItemCounts:
    tasks, _ = read_tasks(data)
    chosen = first_examples(list(tasks.values()), limit)
    return ItemCounts(items=len(chosen), judged=sum(task.judged for task in chosen))


def _settings(request: BenchmarkRequest) -> Mapping[str, str | int]:
    return {} if request.judge is None else {"judge_template": short_digest(judge_template().template)}


def _warnings(request: BenchmarkRequest) -> Sequence[str]:
    return () if request.judge is None else (OUR_JUDGE_WORDING,)


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items, settings=_settings, warnings=_warnings)
