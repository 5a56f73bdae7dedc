"""A benchmark on arrival: fetch its files, serve its models, ask, score. One row comes out: the report, items included.

How a benchmark asks and scores is `spar.evaluation`'s.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from services.evaluation.resuming import Resuming
from spar.data.readers.benchmark_files import DataFile, write_data_files
from spar.errors import AccountingError
from spar.evaluation.asking import ask, score_rows
from spar.evaluation.asking.base import BenchmarkRequest
from spar.evaluation.benchmarks.negatives import WORLD
from spar.evaluation.benchmarks.report import KeptReport, keep
from spar.evaluation.judging import Judging
from spar.evaluation.search import refining_of, search_of
from spar.inference import RoleModels
from spar.messages.counts import ScoreCounts
from spar.messages.evaluation import BenchmarkSpec, Evaluate
from spar.recipes.benchmarks import LAST_REFINER, USES
from spar.roles.usage import Usage
from spar.runtime.forms import read_form, read_templates
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker


async def measure_benchmark(worker: Worker, command: Evaluate, spec: BenchmarkSpec) -> StepOutput:
    """Counts of the step are the report's scores."""
    with TemporaryDirectory(prefix="spar-benchmark-") as folder, Resuming(worker, command.fingerprint) as resuming:
        job = await _job(worker, command, spec, Path(folder), resuming)
        usage = Usage()
        rows = await ask(spec.benchmark, job, usage)
        # Off the event loop: checkers and bootstraps take seconds.
        report = await asyncio.to_thread(score_rows, spec.benchmark, rows, job)
        await resuming.forget()
    kept: KeptReport = keep(report)
    return StepOutput([kept], usage, ScoreCounts(scores=report.scores))


def _about(spec: BenchmarkSpec) -> dict[str, str | int]:
    others = {"refiner": spec.refiner, "judge": spec.judge, LAST_REFINER: spec.rater}
    named = {role: model.fingerprint for role, model in others.items() if model is not None}
    engine = f"{spec.engine.kind} {spec.engine.dtype}"
    return {"model": spec.model.fingerprint, **named, "engine": engine, "send_seed": int(spec.engine.send_seed)}


async def _job(
    worker: Worker, command: Evaluate, spec: BenchmarkSpec, folder: Path, resuming: Resuming
) -> BenchmarkRequest:
    templates = await read_templates(worker, spec.templates)
    data = Path(WORLD)
    if spec.data is not None:
        files = await read_rows(worker.store, spec.data, DataFile)
        data = await asyncio.to_thread(write_data_files, files, folder)
    judge = None
    if spec.judge is not None:
        if command.judge is None:
            raise AccountingError("A benchmark names a judge and not where it is.")
        judge = resuming.model(command.judge, spec.judge)
    model = resuming.model(command.engine, spec.model)
    search = None
    if spec.refiner is not None:
        models = RoleModels(actor=model, refiner=resuming.model(command.engine, spec.refiner))
        search = search_of(models, spec.asking, templates, spec.seed)
    refines = USES[spec.benchmark].part == "refiner"
    return BenchmarkRequest(
        model=model,
        data=data,
        settings=spec.asking,
        templates=templates,
        seed=spec.seed,
        judge=judge,
        search=search,
        raters={} if spec.rater is None else {LAST_REFINER: resuming.model(command.engine, spec.rater)},
        refining=refining_of(model, spec.asking, templates, spec.seed) if refines else None,
        judging=Judging(spec.policy, spec.options, await read_form(worker, spec.form)),
        about=_about(spec),
    )
