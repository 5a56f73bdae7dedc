"""A benchmark step: fetch its files, serve its models, measure. The result is one row: the report with its items.

How a benchmark is prompted and scored, `spar.evaluation` defines. A step's replies are kept on this host's disk while
it runs, so that the next attempt resumes from them; they are removed once the result has been computed.
"""

import asyncio
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from spar.data.readers.benchmark_files import DataFile, write_data_files
from spar.engines.base import ChatModel
from spar.errors import AccountingError
from spar.evaluation.benchmarks.measuring import MeasuredModels, measure, prepare
from spar.evaluation.benchmarks.refinement.negatives import WORLD
from spar.evaluation.benchmarks.report import KeptReport, keep
from spar.evaluation.benchmarks.requests import BenchmarkRequest
from spar.evaluation.call_book import open_call_book
from spar.evaluation.judging import Judging
from spar.evaluation.remembering import RememberingModel
from spar.messages.base import EngineIdentity, ModelRef
from spar.messages.counts import ScoreCounts
from spar.messages.evaluation import BenchmarkSpec, Evaluate
from spar.recipes.benchmarks import LAST_REFINER
from spar.recipes.models import EngineSettings
from spar.roles.usage import Usage
from spar.runtime.forms import read_form, read_templates
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker

FOLDER = "benchmarks"


class Resuming:
    """Models that record their replies, for one step; use with `with`. Raises ConflictError while another attempt
    runs."""

    def __init__(self, worker: Worker, fingerprint: str) -> None:
        self._worker = worker
        self._folder: Path = worker.work_dir / FOLDER / fingerprint
        self._models: dict[str, RememberingModel] = {}
        self._books = ExitStack()

    def __enter__(self) -> "Resuming":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._books.close()

    def model(self, engine: EngineSettings, model: ModelRef) -> ChatModel:
        """One for every role that the model plays, since a call book has one writer."""
        if model.fingerprint not in self._models:
            identity = {"model": model.fingerprint, **EngineIdentity.of(engine).model_dump()}
            book = self._books.enter_context(open_call_book(self._folder, identity))
            self._models[model.fingerprint] = RememberingModel(book, lambda: self._worker.chat(engine, model))
        return self._models[model.fingerprint]

    async def forget(self) -> None:
        await asyncio.to_thread(shutil.rmtree, self._folder)


async def measure_benchmark(worker: Worker, command: Evaluate, spec: BenchmarkSpec) -> StepOutput:
    """Counts of the step are the report's scores."""
    with TemporaryDirectory(prefix="spar-benchmark-") as folder, Resuming(worker, command.fingerprint) as resuming:
        request = await _request(worker, command, spec, Path(folder), resuming)
        usage = Usage()
        _, report = await measure(request, usage)
        await resuming.forget()
    kept: KeptReport = keep(report)
    return StepOutput([kept], usage, ScoreCounts(scores=report.scores))


def _about(spec: BenchmarkSpec) -> dict[str, str | int]:
    others = {"refiner": spec.refiner, "judge": spec.judge, LAST_REFINER: spec.rater}
    named = {role: model.fingerprint for role, model in others.items() if model is not None}
    engine = f"{spec.engine.kind} {spec.engine.dtype}"
    return {"model": spec.model.fingerprint, **named, "engine": engine, "send_seed": int(spec.engine.send_seed)}


async def _request(
    worker: Worker, command: Evaluate, spec: BenchmarkSpec, folder: Path, resuming: Resuming
) -> BenchmarkRequest:
    return prepare(
        spec.benchmark,
        _models(command, spec, resuming),
        data=await _data(worker, spec, folder),
        settings=spec.asking,
        templates=await read_templates(worker, spec.templates),
        seed=spec.seed,
        judging=Judging(spec.policy, spec.options, await read_form(worker, spec.form)),
        about=_about(spec),
    )


def _models(command: Evaluate, spec: BenchmarkSpec, resuming: Resuming) -> MeasuredModels:
    judge = None
    if spec.judge is not None:
        if command.judge is None:
            raise AccountingError("A benchmark names a judge and not where it is.")
        judge = resuming.model(command.judge, spec.judge)
    return MeasuredModels(
        model=resuming.model(command.engine, spec.model),
        refiner=None if spec.refiner is None else resuming.model(command.engine, spec.refiner),
        judge=judge,
        raters={} if spec.rater is None else {LAST_REFINER: resuming.model(command.engine, spec.rater)},
    )


async def _data(worker: Worker, spec: BenchmarkSpec, folder: Path) -> Path:
    if spec.data is None:
        return Path(WORLD)
    files = await read_rows(worker.store, spec.data, DataFile)
    return await asyncio.to_thread(write_data_files, files, folder)
