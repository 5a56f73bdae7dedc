"""IFEval: its driver, and how many items its data hold."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.ifeval.requests import request_rows
from spar.evaluation.benchmarks.ifeval.scoring import FILE, score
from spar.evaluation.benchmarks.rows import count_lines


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """A line an item: what is in it, the checkers say when it is scored."""
    number = count_lines(data / FILE if data.is_dir() else data, limit)
    return ItemCounts(items=number, judged=number)


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
