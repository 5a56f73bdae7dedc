"""`spar eval general`: checks the options, runs lm-eval (`spar.experiments.lm_eval`), and prints its result."""

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from spar.cli.console import out, print_warning
from spar.cli.eval_output import print_result
from spar.errors import DataError, RecipeError
from spar.evaluation.benchmarks.rows import encode
from spar.evaluation.general_sets import is_own, lay_out
from spar.experiments.benchmarks.job import EngineOptions, place_of
from spar.experiments.benchmarks.results import ITEMS, RESULT, folder_of, read_result
from spar.experiments.lm_eval.job import LmEvalJob
from spar.experiments.lm_eval.run import found_at_server, require_lm_eval, run_lm_eval
from spar.experiments.lm_eval.tasks import scored_by_likelihood
from spar.recipes.general import BY_LIKELIHOOD_HERE, LM_EVAL_NAMES, RUNS_CODE


@dataclass(frozen=True, slots=True)
class GeneralJob:
    """What lm-eval is to run, and where the results go. `data`: published files, or a folder of them."""

    work: LmEvalJob
    data: Path | None
    out: Path

    @classmethod
    def of(
        cls, model: str | None, tasks: str | None, data: Path | None, to: Path, settings: Mapping[str, Any], code: bool
    ) -> "GeneralJob":
        """From the command line's options. Raises RecipeError for what cannot be run."""
        if model is None:
            raise RecipeError("No model is named.", "Name a --model: a server's URL#NAME, or a directory.")
        named = tuple(name.strip() for name in (tasks or "gsm8k,triviaqa,mmlu").split(","))
        own = data if data is not None and is_own(data) else None
        _check_tasks(named, own is not None, code)
        place = place_of("actor", model, EngineOptions(settings["dtype"], settings["window"]))
        scored = BY_LIKELIHOOD_HERE & set(named) if own is None else scored_by_likelihood(own, named)
        work = LmEvalJob(
            place=place,
            tasks=named,
            own=own,
            limit=settings["limit"],
            max_tokens=settings["max_tokens"],
            seed=settings["seed"],
            by_likelihood=scored,
        )
        return cls(work, data if own is None else None, to)


def _check_tasks(named: Sequence[str], own: bool, code: bool) -> None:
    unknown = [name for name in named if name not in LM_EVAL_NAMES]
    if unknown and not own:
        raise DataError(
            f"Unknown task '{unknown[0]}'.",
            f"Choose from {', '.join(LM_EVAL_NAMES)}, or name the folder of your own lm-eval tasks with --data.",
        )
    runs_code = RUNS_CODE & set(named)
    if runs_code and own:
        raise RecipeError("humaneval cannot run together with your own tasks.", "Name it alone with --tasks.")
    if runs_code and not code:
        raise RecipeError(
            "humaneval executes code that the model writes.",
            "Add --run-code to allow it, in processes that can use no network, write no files and start no processes.",
        )


def measure_general(job: GeneralJob, dry_run: bool, as_json: bool) -> None:
    """Run lm-eval unless the result exists, and print the result; with `dry_run`, only the commands."""
    with TemporaryDirectory(prefix="spar-general-") as name:
        place = Path(name)
        digest = None if job.data is None else lay_out(job.work.tasks, job.data, place)
        if dry_run:
            _print_calls(job)
            return
        result, folder = _measured(job, place, digest)
    if as_json:
        typer.echo(json.dumps(result | {"folder": str(folder)}, ensure_ascii=False))
        return
    print_result(result)
    out.print(str(folder), soft_wrap=True, markup=False)


def _measured(job: GeneralJob, place: Path, digest: str | None) -> tuple[dict[str, Any], Path]:
    """The result and its folder. The user's own tasks name data by paths relative to the current directory."""
    work, served = job.work, job.work.place.settings.url is not None
    unnamed = served and work.place.model.name is None
    work = asyncio.run(found_at_server(work)) if unnamed else work
    folder = folder_of(job.out.resolve(), "general", work.settings(digest))
    result = read_result(folder)
    if result is None:
        require_lm_eval()
        if served and not unnamed:
            asyncio.run(found_at_server(work))
        folder.mkdir(parents=True, exist_ok=True)
        kept = asyncio.run(run_lm_eval(work, folder, place if work.own is None else Path.cwd(), digest))
        result = kept.report
        (folder / ITEMS).write_bytes(encode(kept.items))
        (folder / RESULT).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result, folder


def _print_calls(job: GeneralJob) -> None:
    for call in job.work.calls():
        typer.echo(shlex.join(["lm_eval", "run", *call]))
    if job.data is not None:
        print_warning(
            f"With {job.data} they start in a folder that replaces the hub; on their own they would query the hub."
        )
