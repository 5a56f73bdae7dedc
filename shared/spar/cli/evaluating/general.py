"""General benchmarks through lm-evaluation-harness: GSM8K, TriviaQA, MMLU, HumanEval, or tasks of one's own.

lm-eval does it all, in a child: its datasets are published files here (`general_data`), or come from the hub or from
where HF_HOME keeps them; the model is asked at its server, or loaded in the child. What a model writes runs in the
sandbox (`programs`). This file words the call, and reads what came out.
"""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from spar.children import start_child
from spar.cli.console import out, print_warning
from spar.cli.evaluating.folder import RESULT, folder_of, read_result
from spar.cli.evaluating.general_data import is_own, lay_out
from spar.cli.evaluating.general_results import read_results
from spar.cli.evaluating.general_server import find_server, key_of, require_logprobs
from spar.cli.evaluating.general_tasks import scored_by_likelihood
from spar.cli.evaluating.job import EngineOptions, place_of
from spar.cli.evaluating.output import print_result
from spar.cli.evaluating.programs import check_confinement
from spar.engines.openai_access import base_url, endpoint_url
from spar.errors import DataError, EngineError, RecipeError
from spar.inference.endpoints import Endpoint
from spar.redaction import without_secrets

LOG = "lm-eval.log"
CODE_EVAL = Path(__file__).with_name("code_eval.py")
RUNS_CODE_IN = "spar.sandbox"
TASKS = {"gsm8k": "gsm8k", "triviaqa": "triviaqa", "mmlu": "mmlu", "humaneval": "humaneval_instruct"}
"""Our names, as the paper's Table 7 has them, and lm-eval's."""
RUNS_CODE = frozenset({"humaneval"})
BY_LOGPROBS = frozenset({"mmlu"})
"""Scored by the likelihood of each choice: a server must give log-probabilities of its prompt (vLLM does)."""
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


@dataclass(frozen=True, slots=True)
class GeneralJob:
    """Which tasks of which model, and where the results go.

    `own` is a folder of lm-eval task files; `data` are published files of the tasks, or a folder of them.
    """

    place: Endpoint
    tasks: tuple[str, ...]
    own: Path | None
    data: Path | None
    out: Path
    limit: int | None
    max_tokens: int | None
    seed: int
    by_likelihood: frozenset[str] = BY_LOGPROBS
    """Tasks that are scored by the likelihood of given texts."""

    @classmethod
    def of(
        cls, model: str | None, tasks: str | None, data: Path | None, to: Path, asked: Mapping[str, Any], code: bool
    ) -> "GeneralJob":
        if model is None:
            raise RecipeError("Nothing to measure is named.", "Name a --model: a server's URL#NAME, or a directory.")
        named = tuple(name.strip() for name in (tasks or "gsm8k,triviaqa,mmlu").split(","))
        own = data if data is not None and is_own(data) else None
        _check_tasks(named, own is not None, code)
        options = EngineOptions(asked["dtype"], asked["window"])
        place = place_of("actor", model, options)
        published = data if own is None else None
        scored = BY_LOGPROBS & set(named) if own is None else scored_by_likelihood(own, named)
        return cls(place, named, own, published, to, asked["limit"], asked["max_tokens"], asked["seed"], scored)

    def calls(self) -> list[list[str]]:
        """One call of lm-eval for the tasks of each kind."""
        kinds = [[t for t in self.tasks if (t in self.by_likelihood) == logprobs] for logprobs in (False, True)]
        return [self._call(tasks, bool(self.by_likelihood & set(tasks))) for tasks in kinds if tasks]

    def settings(self, data: str | None) -> dict[str, str | int]:
        """`data` is the digest of published files."""
        command = " && ".join(shlex.join(call) for call in self.calls())
        told: dict[str, str | int] = {"model": self.place.model.fingerprint, "command": command}
        if data is not None:
            told["data"] = data
        if RUNS_CODE & set(self.tasks):
            told["runs_code"] = RUNS_CODE_IN
        return told

    def _call(self, tasks: Sequence[str], logprobs: bool) -> list[str]:
        model, arguments = self._model(logprobs)
        call = [
            *("--model", model, "--model_args", ",".join(f"{key}={value}" for key, value in arguments.items())),
            *("--tasks", ",".join(TASKS.get(task, task) for task in tasks)),
            *("--seed", str(self.seed), "--log_samples"),
        ]
        if not logprobs or model == "hf":
            call += ["--apply_chat_template"]
        if self.limit is not None:
            call += ["--limit", str(self.limit)]
        if self.max_tokens is not None and not logprobs:
            call += ["--gen_kwargs", f"max_gen_toks={self.max_tokens}"]
        if self.own is not None:
            call += ["--include_path", str(self.own)]
        if RUNS_CODE & set(tasks):
            call += ["--confirm_run_unsafe_code"]
        return call

    def _model(self, logprobs: bool) -> tuple[str, dict[str, Any]]:
        engine, model = self.place.settings, self.place.model
        if engine.url is None:
            # lm-eval's own loader: its batches are not ours.
            return "hf", {"pretrained": Path(str(model.path)).resolve(), "dtype": engine.dtype}
        base, name = base_url(engine.url), model.name or "default"
        served = {"model": name, "num_concurrent": engine.max_batch, "max_retries": 3, "tokenized_requests": False}
        if logprobs:
            return "local-completions", {"base_url": endpoint_url(base, "completions"), **served}
        return "local-chat-completions", {"base_url": endpoint_url(base, "chat/completions"), **served}


def _check_tasks(named: Sequence[str], own: bool, code: bool) -> None:
    unknown = [name for name in named if name not in TASKS]
    if unknown and not own:
        raise DataError(
            f"There is no task '{unknown[0]}'.",
            f"Choose of {', '.join(TASKS)}, or name the folder of your own lm-eval tasks with --data.",
        )
    runs_code = RUNS_CODE & set(named)
    if runs_code and own:
        raise RecipeError("humaneval is measured apart from tasks of your own.", "Name it alone with --tasks.")
    if runs_code and not code:
        raise RecipeError(
            "humaneval runs the code that the model writes.",
            "Add --run-code if that may be: in processes without network, files to write, or others to start.",
        )


def measure_general(job: GeneralJob, dry_run: bool, as_json: bool) -> None:
    """Run it, unless the result is there already, and print it; with `dry_run` only the calls."""
    with TemporaryDirectory(prefix="spar-general-") as name:
        place = Path(name)
        digest = None if job.data is None else lay_out(job.tasks, job.data, place)
        if dry_run:
            _print_calls(job)
            return
        unnamed = job.place.settings.url is not None and job.place.model.name is None
        job = asyncio.run(_found(job)) if unnamed else job
        folder = folder_of(job.out.resolve(), "general", job.settings(digest))
        result = read_result(folder)
        if result is None:
            if job.place.settings.url is not None and not unnamed:
                asyncio.run(_found(job))
            folder.mkdir(parents=True, exist_ok=True)
            result = asyncio.run(_run(job, folder, place, digest))
            (folder / RESULT).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(result | {"folder": str(folder)}, ensure_ascii=False))
        return
    print_result(result)
    out.print(str(folder), soft_wrap=True, markup=False)


async def _found(job: GeneralJob) -> GeneralJob:
    """The job with its server's model; what makes it impossible is raised before anything starts."""
    found = replace(job, place=await find_server(job.place))
    likelihoods = [task for task in job.tasks if task in job.by_likelihood]
    if likelihoods:
        await require_logprobs(found.place, ", ".join(likelihoods))
    return found


def _print_calls(job: GeneralJob) -> None:
    for call in job.calls():
        typer.echo(shlex.join(["lm_eval", "run", *call]))
    if job.data is not None:
        print_warning(f"With {job.data} they start in a folder that stands in for the hub; alone, they ask the hub.")


async def _run(job: GeneralJob, folder: Path, place: Path, data: str | None) -> dict[str, Any]:
    """`place` stands in for the hub: lm-eval starts there. Tasks of one's own name data by paths from here."""
    if RUNS_CODE & set(job.tasks):
        await asyncio.to_thread(check_confinement)
        stand_in = place / CODE_EVAL.stem / CODE_EVAL.name
        stand_in.parent.mkdir()
        stand_in.write_bytes(CODE_EVAL.read_bytes())
    environment = _environment(job.place, place, data is not None)
    (folder / LOG).unlink(missing_ok=True)  # of an earlier attempt, which ended otherwise
    for number, call in enumerate(job.calls()):
        # What the model said is kept by lm-eval itself: after a stop the same command goes on.
        kept = ["--use_cache", str(folder / f"said-{number}"), "--output_path", str(folder / f"lm-eval-{number}")]
        command = [sys.executable, "-P", "-m", "lm_eval", "run", *call, *kept]
        child = await start_child(command, log=folder / LOG, env=environment, cwd=place if job.own is None else None)
        if await child.wait() != 0:
            raise _failed(job, folder / LOG)
    return read_results(folder, {name: TASKS.get(name, name) for name in job.tasks}, job.settings(data))


def _environment(model: Endpoint, place: Path, data_here: bool) -> dict[str, str]:
    """Of our credentials only what lm-eval uses: the server's key, the hub's token, and the network's proxies.

    Without HF_ALLOW_CODE_EVAL: the hub's own code_eval, which confines nothing, would refuse to run.
    """
    ours = {name: value for name, value in without_secrets(os.environ, KEPT).items() if name != "HF_ALLOW_CODE_EVAL"}
    own = {"TOKENIZERS_PARALLELISM": "false", "OPENAI_API_KEY": key_of(model) or "none"}
    # Datasets of this folder are kept nowhere else; the hub is not asked for what is here.
    here = {"HF_DATASETS_CACHE": str(place / "cache"), "HF_HUB_OFFLINE": "1"} if data_here else {}
    return {**ours, **own, **here}


def _failed(job: GeneralJob, log: Path) -> DataError | EngineError:
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1][:300] if lines else "it said nothing"
    if CHAT_HAS_NONE in text:
        return DataError(
            f"One of {', '.join(job.tasks)} is scored by likelihoods, which chat completions do not give.",
            f"Measure the model's directory, or leave the task out. All that lm-eval wrote: {log}.",
        )
    if any(mark in text for mark in UNREACHABLE):
        return DataError(
            f"lm-eval could not get what {', '.join(job.tasks)} needs, or not reach the model ({last}).",
            "Make the hub and the server reachable; or name the published files with --data, or point HF_HOME at a"
            f" cache that has the datasets and set HF_HUB_OFFLINE=1. All it said: {log}.",
        )
    return EngineError(f"lm-eval failed: {last}.", f"Look into {log}.")
