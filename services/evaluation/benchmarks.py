"""A benchmark on arrival: fetch its files, serve its models, measure. One row comes out: the report, items included.

How a benchmark is requested and scored is `spar.evaluation`'s.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from services.evaluation.resuming import Resuming
from spar.data.readers.benchmark_files import DataFile, write_data_files
from spar.errors import AccountingError
from spar.evaluation.benchmarks.measuring import MeasuredModels, measure, prepare
from spar.evaluation.benchmarks.refinement.negatives import WORLD
from spar.evaluation.benchmarks.report import KeptReport, keep
from spar.evaluation.benchmarks.requests import BenchmarkRequest
from spar.evaluation.judging import Judging
from spar.messages.counts import ScoreCounts
from spar.messages.evaluation import BenchmarkSpec, Evaluate
from spar.recipes.benchmarks import LAST_REFINER
from spar.roles.usage import Usage
from spar.runtime.forms import read_form, read_templates
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker


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
