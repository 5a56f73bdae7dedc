"""Measures models on a benchmark, and stores every reply as it arrives and the result.

Replies are in OUT/calls/, by model: after a stop the same command resumes, a larger --limit requests only new items,
and another judge reuses the responses. An evaluation that is stored already is not repeated.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from spar.data.readers.benchmark_files import digest_of, read_data_files
from spar.engines.base import ChatModel, Engine
from spar.errors import EngineError
from spar.evaluation.benchmarks.measuring import MeasuredModels, measure, prepare
from spar.evaluation.benchmarks.refinement.negatives import WORLD
from spar.evaluation.benchmarks.report import BenchmarkReport
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row
from spar.evaluation.benchmarks.settings import settings_of
from spar.evaluation.remembering import RememberingModel
from spar.experiments.benchmarks.job import EvalJob
from spar.experiments.benchmarks.reply_cache import Serve, remembering
from spar.experiments.benchmarks.results import folder_of, read_result, write
from spar.inference.endpoints import Endpoint
from spar.roles.usage import Usage

Chats = dict[str, RememberingModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCounts:
    """Model calls so far: those sent, and those answered from OUT/calls/."""

    sent: int
    remembered: int


Watch = Callable[[Callable[[], CallCounts]], AbstractContextManager[object]]
"""A context that displays the counts, which it may read at any time."""


def evaluate_model(job: EvalJob, watch: Watch) -> dict[str, Any]:
    """The result, as in result.json, with its `folder`. Raises SparError; the replies so far are kept."""
    with ExitStack() as books:
        engines: dict[str, Engine] = {}
        chats = remembering(job.every_place, job.out, lambda _, place: _serving(place, engines), books)
        request = _request(job, chats)
        settings = settings_of(request) | {"data": _data_digest(job)}
        folder = folder_of(job.out, job.benchmark, settings)
        found = read_result(folder)
        if found is not None:
            return found | {"folder": str(folder)}
        began, usage = time.monotonic(), Usage()
        rows, report = asyncio.run(_measured(job, request, usage, chats, engines, watch))
        spent = _usage(usage) | {"seconds": round(time.monotonic() - began, 1)} | _calls(chats)
        return write(folder, report, rows, {"usage": spent, "models": job.names()}) | {"folder": str(folder)}


def _serving(place: Endpoint, engines: dict[str, Engine]) -> Serve:
    """Opened at the first call; models of this process share an engine, those of one server its connections."""

    async def serve() -> ChatModel:
        key = place.settings.model_dump_json() + (f"{place.role} {place.name}" if place.settings.url else "")
        if key not in engines:
            engines[key] = place.open()
        return await engines[key].serve(place.model)

    return serve


def _request(job: EvalJob, chats: Chats) -> BenchmarkRequest:
    raters = {name: chats[name] for name in job.raters}
    return prepare(
        job.benchmark,
        MeasuredModels(model=chats["actor"], refiner=chats.get("refiner"), judge=chats.get("judge"), raters=raters),
        data=job.data,
        settings=job.settings,
        templates=job.templates,
        seed=job.seed,
        judging=job.judging,
        about=job.about(),
    )


async def _measured(
    job: EvalJob, request: BenchmarkRequest, usage: Usage, chats: Chats, engines: dict[str, Engine], watch: Watch
) -> tuple[list[Row], BenchmarkReport]:
    try:
        with watch(lambda: _counts(chats)):
            return await measure(request, usage)
    except EngineError as error:
        raise type(error)(
            error.what, f"{error.fix} {job.out} keeps the replies so far: the same command resumes."
        ) from error
    finally:
        for engine in engines.values():
            await engine.close()


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "failures": dict(usage.failures),
        **({"estimated_tokens": usage.estimated_tokens} if usage.estimated_tokens else {}),
        **({"adjustments": dict(usage.adjustments)} if usage.adjustments else {}),
    }


def _data_digest(job: EvalJob) -> str:
    return WORLD if str(job.data) == WORLD else digest_of(read_data_files(job.data))


def _calls(chats: Chats) -> dict[str, int]:
    counts = _counts(chats)
    return {"asked": counts.sent, "remembered": counts.remembered}


def _counts(chats: Chats) -> CallCounts:
    models = {id(chat): chat for chat in chats.values()}.values()
    return CallCounts(sent=sum(chat.sent for chat in models), remembered=sum(chat.remembered for chat in models))
