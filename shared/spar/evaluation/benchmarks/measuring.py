"""One measurement, the same for the command and for the service: prepare a request, request the rows, score them.

Knows nothing of how models are served, and keeps nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from spar.benchmark_records import Work
from spar.benchmark_registry import benchmark
from spar.engines.base import ChatModel
from spar.evaluation.benchmarks.driver import driver_of
from spar.evaluation.benchmarks.report import BenchmarkReport
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row
from spar.evaluation.benchmarks.rows import rows_in_memory, rows_of_file
from spar.evaluation.benchmarks.settings import settings_of
from spar.evaluation.judging import Judging
from spar.evaluation.search import refining_of, search_of
from spar.inference import RoleModels
from spar.method.templates import TemplateSet
from spar.recipes.models import AskSettings
from spar.roles.usage import Usage

FAILURES = {
    "cut_off": "were cut off at the token limit",
    "too_long": "could not be drawn: too long for the model",
    "refused": "could not be drawn: the model's chat template or its server refuses the conversation",
}
"""The wording of a warning by a reply's failure; failures that are not listed are counted by the scorer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredModels:
    """`model` is the one measured. `refiner` searches its responses, and in a suite is measured too. `judge` and the
    `raters` by name are outside judges."""

    model: ChatModel
    refiner: ChatModel | None = None
    judge: ChatModel | None = None
    raters: Mapping[str, ChatModel] = field(default_factory=dict)


def prepare(  # noqa: PLR0913 - what a measurement depends on, each passed plainly
    name: str,
    models: MeasuredModels,
    *,
    data: Path,
    settings: AskSettings,
    templates: TemplateSet,
    seed: int,
    judging: Judging,
    about: Mapping[str, str | int],
) -> BenchmarkRequest:
    """A request with the searches that the benchmark's work needs. Raises DataError for an unknown benchmark."""
    record = benchmark(name)
    search = refining = None
    if models.refiner is not None and record.work is Work.RESPONSES:
        search = search_of(RoleModels(actor=models.model, refiner=models.refiner), settings, templates, seed)
    if record.work is Work.REFINEMENTS:
        refining = refining_of(models.model, settings, templates, seed)
    return BenchmarkRequest(
        benchmark=record,
        model=models.model,
        refiner=models.refiner,
        judge=models.judge,
        raters=models.raters,
        data=data,
        settings=settings,
        templates=templates,
        seed=seed,
        search=search,
        refining=refining,
        judging=judging,
        about=about,
    )


async def measure(request: BenchmarkRequest, usage: Usage) -> tuple[list[Row], BenchmarkReport]:
    """The rows, as the benchmark's `--answers` takes them, and their scores."""
    rows = await driver_of(request.benchmark).request(request, usage)
    # Off the event loop: checkers and bootstraps take seconds.
    return rows, await asyncio.to_thread(score_rows, request, rows)


def score_rows(request: BenchmarkRequest, rows: Sequence[Row]) -> BenchmarkReport:
    """With a limit, the items that were not requested are left out."""
    driver = driver_of(request.benchmark)
    report = driver.score(rows_in_memory(rows), request.data, partial=request.settings.limit is not None)
    warnings = [*report.warnings, *driver.warnings(request), *_failure_warnings(rows)]
    return replace(report, settings={**settings_of(request), **report.settings}, warnings=warnings)


def score_file(name: str, answers: Path, data: Path, partial: bool = False) -> BenchmarkReport:
    """Score existing rows. Calls no model."""
    return driver_of(benchmark(name)).score(rows_of_file(answers), data, partial)


def _failure_warnings(rows: Sequence[Row]) -> list[str]:
    counts = Counter(row["failure"] for row in rows if row.get("failure"))
    return [f"{number} replies {FAILURES[failure]}." for failure, number in counts.items() if failure in FAILURES]
