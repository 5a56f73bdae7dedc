"""The story world as a benchmark: its driver. The model as an actor, and the refiner, if one is named, as judge and
refiner, on the items of a run's evaluation (`spar.evaluation.suites`).
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.requests import BenchmarkRequest, FailureKeeper, Row
from spar.evaluation.benchmarks.story.scoring import score
from spar.evaluation.items import Item
from spar.evaluation.suites import run_suite
from spar.recipes.models import EvaluationSettings
from spar.roles.usage import Usage


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """The actor's items, sampled and greedy, and a refiner's judgments and refinements. The world needs no data."""
    settings = EvaluationSettings()
    sizes = (settings.actor_prompts, settings.actor_prompts, settings.judge_items, settings.refine_items)
    return ItemCounts(items=sum(size if limit is None else limit for size in sizes))


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of items; the limit counts items of each measure."""
    limit = job.settings.limit
    settings = EvaluationSettings(seed=job.seed)
    if limit is not None:
        settings = EvaluationSettings(seed=job.seed, actor_prompts=limit, judge_items=limit, refine_items=limit)
    keeper = FailureKeeper()
    measured = [await run_suite("actor", job.model, settings, job.templates, job.seed, keeper.gather)]
    if job.refiner is not None:
        measured.append(await run_suite("refiner", job.refiner, settings, job.templates, job.seed, keeper.gather))
    keeper.check()
    for result in measured:
        usage.add(result.usage)
    return [_row(item) for result in measured for item in result.rows]


def _row(item: Item) -> Row:
    fields: dict[str, Any] = asdict(item)
    del fields["correct"]  # the scorer decides it
    return fields


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
