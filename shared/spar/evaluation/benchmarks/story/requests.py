"""The story world: the model as an actor, and the refiner, if one is named, as judge and refiner.

The same questions as a run's evaluation asks (`spar.evaluation.suites`).
"""

from dataclasses import asdict
from typing import Any

from spar.evaluation.benchmarks.requests import BenchmarkRequest, FailureKeeper, Row
from spar.evaluation.items import Item
from spar.evaluation.suites import run_suite
from spar.recipes.models import EvaluationSettings
from spar.roles.usage import Usage


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of items; a limit is the number of items of each measure."""
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
    del fields["correct"]  # the scorer says so
    return fields
