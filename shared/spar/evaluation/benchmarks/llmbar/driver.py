"""LLMBar: its driver, and how many items its data hold."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.llmbar.requests import request_rows
from spar.evaluation.benchmarks.llmbar.scoring import read_pairs, score


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """Both outputs of each pair; the limit is one of pairs in each subset."""
    pairs, _ = read_pairs(data)
    return ItemCounts(items=2 * sum(len(listed[:limit]) for listed in pairs.values()))


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
