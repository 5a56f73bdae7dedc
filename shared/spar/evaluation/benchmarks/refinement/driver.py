"""Refinement of given negatives: its driver, and how many items its data hold."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.refinement.negatives import WORLD, WORLD_ITEMS
from spar.evaluation.benchmarks.refinement.requests import request_rows
from spar.evaluation.benchmarks.refinement.scoring import score
from spar.evaluation.benchmarks.rows import count_lines


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """A line an item; of the story world as many as the paper has."""
    if str(data) == WORLD:
        number = WORLD_ITEMS if limit is None else min(limit, WORLD_ITEMS)
    else:
        number = count_lines(data, limit)
    return ItemCounts(items=number, judged=number)


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
