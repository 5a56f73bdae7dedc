"""lm-eval in a child process: its folder, its environment, and the reason of a failure.

Its datasets are published local files, or come from the hub or the cache in HF_HOME; the model is prompted at its
server, or loaded in the child. Programs that a model writes run in the sandbox (`sandboxed`).
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from spar.errors import DataError, EngineError
from spar.evaluation.benchmarks.report import KeptReport
from spar.experiments.lm_eval.job import LmEvalJob
from spar.experiments.lm_eval.results import read_results
from spar.experiments.lm_eval.sandboxed import check_confinement
from spar.experiments.lm_eval.server import find_server, key_of, require_logprobs
from spar.inference.endpoints import Endpoint
from spar.packages import require_modules
from spar.processes.child import start_child
from spar.redaction import without_secrets

LOG = "lm-eval.log"
CODE_EVAL = Path(__file__).with_name("code_eval.py")
KEPT = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"),
)
"""Variables with credentials that lm-eval needs to fetch datasets."""
CHAT_HAS_NONE = "Loglikelihood is not supported for chat completions"
UNREACHABLE = (
    "Couldn't reach",
    "ConnectionError",
    "ConnectError",
    "DatasetNotFoundError",
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "Max retries exceeded",
    "Name or service not known",
)


def require_lm_eval() -> None:
    """Raises PackageMissing."""
    require_modules("eval", "Measuring general benchmarks", ["lm_eval"])


async def found_at_server(job: LmEvalJob) -> LmEvalJob:
    """The job with its server's model; whatever makes it impossible is raised before anything starts."""
    found = replace(job, place=await find_server(job.place))
    likelihoods = [task for task in job.tasks if task in job.by_likelihood]
    if likelihoods:
        await require_logprobs(found.place, ", ".join(likelihoods))
    return found


async def run_lm_eval(job: LmEvalJob, folder: Path, start: Path, data: str | None) -> KeptReport:
    """Measure, and read the result. `folder` keeps the log and the replies, so that the same call resumes.

    lm-eval runs in the folder `start`, in which published files replace the hub's (`data` is their digest), or to which
    the relative paths in the user's own task files refer.
    """
    if job.runs_code:
        await asyncio.to_thread(check_confinement)
        stand_in = start / CODE_EVAL.stem / CODE_EVAL.name
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_bytes(CODE_EVAL.read_bytes())
    environment = _environment(job.place, start, data is not None)
    (folder / LOG).unlink(missing_ok=True)  # an earlier attempt's
    for number, call in enumerate(job.calls()):
        # lm-eval itself caches the model's replies: after a stop the same command resumes.
        kept = ["--use_cache", str(folder / f"said-{number}"), "--output_path", str(folder / f"lm-eval-{number}")]
        command = [sys.executable, "-P", "-m", "lm_eval", "run", *call, *kept]
        child = await start_child(command, log=folder / LOG, env=environment, cwd=start)
        try:
            code = await child.wait()
        finally:
            child.kill()  # a step that is cancelled or times out leaves no child process
        if code != 0:
            raise failure_of(job, folder / LOG)
    return read_results(folder, job.names, job.settings(data))


def _environment(model: Endpoint, start: Path, data_here: bool) -> dict[str, str]:
    """Of the credentials here only those that lm-eval uses: the server's key, the hub's token, and the proxies.

    Without HF_ALLOW_CODE_EVAL: the hub's own code_eval, which confines nothing, would refuse to run.
    """
    ours = {name: value for name, value in without_secrets(os.environ, KEPT).items() if name != "HF_ALLOW_CODE_EVAL"}
    own = {"TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": key_of(model) or "none"}
    # Datasets in this folder are not cached elsewhere, and are not requested from the hub.
    here = {"HF_DATASETS_CACHE": str(start / "cache"), "HF_HUB_OFFLINE": "1"} if data_here else {}
    return {**ours, **own, **here}


def failure_of(job: LmEvalJob, log: Path) -> DataError | EngineError:
    """Why lm-eval failed, by its log: data or model unreachable, likelihoods of a chat server, or its last line."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it wrote nothing"
    if CHAT_HAS_NONE in text:
        return DataError(
            f"One of {', '.join(job.tasks)} is scored by likelihoods, which chat completions do not give.",
            f"Measure the model's directory, or leave the task out. lm-eval's whole output: {log}.",
        )
    if any(mark in text for mark in UNREACHABLE):
        return DataError(
            f"lm-eval could not fetch the data of {', '.join(job.tasks)}, or not reach the model ({last}).",
            "Make the hub and the server reachable; or name the published files with --data, or point HF_HOME at a"
            f" cache that has the datasets and set HF_HUB_OFFLINE=1. lm-eval's whole output: {log}.",
        )
    return EngineError(f"lm-eval failed: {last}.", f"Look into {log}.")
