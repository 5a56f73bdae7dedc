"""What a benchmark's folder has to provide: how its rows are requested, scored and counted. Knows no benchmark."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from spar.benchmark_records import Benchmark
from spar.errors import AccountingError
from spar.evaluation.benchmarks.report import BenchmarkReport
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row
from spar.evaluation.benchmarks.rows import AnswerRows
from spar.roles.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCounts:
    """How many items are requested; an outside judge, if there is one, judges `judged` of them."""

    items: int
    judged: int = 0


class RowScorer(Protocol):
    """Score rows against a benchmark's data. With `partial`, items without a row are left out, not refused."""

    def __call__(self, answers: AnswerRows, data: Path, partial: bool = False) -> BenchmarkReport: ...


def _no_settings(_: BenchmarkRequest) -> Mapping[str, str | int]:
    return {}


def _no_warnings(_: BenchmarkRequest) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkDriver:
    """The functions of one benchmark."""

    request: Callable[[BenchmarkRequest, Usage], Awaitable[list[Row]]]
    """Requests all items at once; the engine batches them."""
    score: RowScorer
    count: Callable[[Path, int | None], ItemCounts]
    """The number of items in the data, with a limit applied. Raises DataError for data that cannot be read."""
    settings: Callable[[BenchmarkRequest], Mapping[str, str | int]] = _no_settings
    """Settings that change a score, besides those that `settings.settings_of` keeps of every benchmark."""
    warnings: Callable[[BenchmarkRequest], Sequence[str]] = _no_warnings
    """What a reader must know to compare the scores with published ones."""


def driver_of(benchmark: Benchmark) -> BenchmarkDriver:
    """Loads its module. Raises AccountingError where the record names no driver."""
    module, _, attribute = benchmark.driver.partition(":")
    found = getattr(import_module(module), attribute, None)
    if not isinstance(found, BenchmarkDriver):
        raise AccountingError(f"The benchmark {benchmark.name} names {benchmark.driver}, which is no BenchmarkDriver.")
    return found
