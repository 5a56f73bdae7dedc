"""A general benchmark step: fetch its files, find the model, have lm-eval measure it. The result is one row.

How lm-eval is started and read, `spar.experiments.lm_eval` defines.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from spar.data.readers.benchmark_files import DataFile, digest_of, write_data_files
from spar.engines.base import AddressableEngine, LocalModel
from spar.errors import ConflictError
from spar.evaluation.benchmarks.report import KeptReport
from spar.experiments.lm_eval.job import LmEvalJob
from spar.experiments.lm_eval.run import found_at_server, require_lm_eval, run_lm_eval
from spar.experiments.lm_eval.tasks import scored_by_likelihood
from spar.file_locks import try_lock
from spar.inference.endpoints import Endpoint
from spar.messages.counts import ScoreCounts
from spar.messages.evaluation import Evaluate, GeneralSpec
from spar.recipes.general import BY_LIKELIHOOD_HERE, LM_EVAL_NAMES
from spar.recipes.models import EngineSettings
from spar.roles.usage import Usage
from spar.runtime.models import locate
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker

FOLDER = "general"
"""Below the worker's: lm-eval's log and the replies that it keeps, from which the next attempt resumes."""


async def measure_task(worker: Worker, command: Evaluate, spec: GeneralSpec) -> StepOutput:
    """Counts of the step are the report's scores. lm-eval does not report what its calls cost."""
    require_lm_eval()
    folder = worker.work_dir / FOLDER / command.fingerprint
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not try_lock(lock):
            raise ConflictError("Another attempt of this measurement is at work.", "Nothing needs to be done: it ends.")
        with TemporaryDirectory(prefix="spar-general-") as name:
            async with _placed(worker, command, spec) as place:
                job, digest = await _job(worker, spec, place, Path(name))
                kept = await run_lm_eval(job, folder, Path(name), digest)
        await asyncio.to_thread(shutil.rmtree, folder)
    finally:
        os.close(lock)
    kept = replace(kept, report={**kept.report, "settings": _settings(spec, kept, digest)})
    return StepOutput([kept], Usage(), ScoreCounts(scores=kept.report["scores"]))


@asynccontextmanager
async def _placed(worker: Worker, command: Evaluate, spec: GeneralSpec) -> AsyncIterator[Endpoint]:
    """Where lm-eval finds the model: at a server's address, ours held while it measures; or in its directory."""
    model = await asyncio.to_thread(locate, spec.model, worker.cache)
    engine = worker.engine(command.engine) if command.engine.url is None else None
    if not isinstance(engine, AddressableEngine):
        yield Endpoint("actor", command.engine, model)
        return
    async with engine.address(model) as address:
        settings = EngineSettings(
            kind="openai",
            url=address.url,
            max_batch=command.engine.max_batch,
            deadline_s=command.engine.deadline_s,
            send_seed=command.engine.send_seed,
        )
        yield Endpoint("actor", settings, LocalModel(model.fingerprint, name=address.name))


async def _job(worker: Worker, spec: GeneralSpec, place: Endpoint, start: Path) -> tuple[LmEvalJob, str | None]:
    """With the files in place; the digest of published ones. Relative paths in custom task files start there."""
    own, digest = None, None
    likelihoods = BY_LIKELIHOOD_HERE & {spec.task}
    if spec.data is not None:
        files = await read_rows(worker.store, spec.data, DataFile)
        await asyncio.to_thread(write_data_files, files, start)
        if spec.task in LM_EVAL_NAMES:
            digest = digest_of(files)
        else:
            own, likelihoods = Path(), scored_by_likelihood(start, [spec.task])
    job = LmEvalJob(
        place=place,
        tasks=(spec.task,),
        own=own,
        limit=spec.limit,
        max_tokens=spec.max_tokens,
        seed=spec.seed,
        by_likelihood=likelihoods,
    )
    return (job if place.settings.url is None else await found_at_server(job)), digest


def _settings(spec: GeneralSpec, kept: KeptReport, digest: str | None) -> dict[str, str | int]:
    """What would change a score, and no path of this host: the same measurement has the same result everywhere."""
    measured = kept.report["settings"]
    versions = {name: measured[name] for name in ("lm_eval", "transformers")}
    given = {"limit": spec.limit, "max_tokens": spec.max_tokens, "data": digest, "runs_code": measured.get("runs_code")}
    return {
        "task": spec.task,
        "model": spec.model.fingerprint,
        "engine": f"{spec.engine.kind} {spec.engine.dtype}",
        "seed": spec.seed,
        **{name: value for name, value in given.items() if value is not None},
        **versions,
    }
