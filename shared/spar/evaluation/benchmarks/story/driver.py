"""The story world as a benchmark: its driver, and how many items it makes."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.story.requests import request_rows
from spar.evaluation.benchmarks.story.scoring import score
from spar.recipes.models import EvaluationSettings


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """Of the actor, sampled and greedy, and of a refiner's judgments and refinements. The world needs no data."""
    settings = EvaluationSettings()
    sizes = (settings.actor_prompts, settings.actor_prompts, settings.judge_items, settings.refine_items)
    return ItemCounts(items=sum(size if limit is None else limit for size in sizes))


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
