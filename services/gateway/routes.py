"""The gateway's routes: chat completions, the models, and health. Each loads, calls and replies."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from services.gateway import replies
from services.gateway.asking import MODELS, GatewayRequest, resolve
from services.gateway.auth import require_token
from services.gateway.backend import Context, GatewayBackend
from services.gateway.disconnects import while_connected
from services.gateway.errors import GatewayRefusal, error_reply
from services.gateway.form import ChatForm, with_headers
from services.gateway.streaming import CompletionStream
from spar.errors import EngineError
from spar.inference.growing import ProgressCallback
from spar.inference.infer import infer
from spar.inference.records import InferenceResult

log = structlog.get_logger()
READY_S = 3.0  # for finding both models; less than a health check's timeout
STARTED = int(time.time())

router = APIRouter(prefix="/v1", dependencies=[Depends(require_token)])
public = APIRouter()


@router.post("/chat/completions")
async def chat(form: ChatForm, request: Request, context: Context) -> Response:
    """One chat completion by tree search, whole or streamed. Raises GatewayRefusal."""
    form = with_headers(form, request.headers)
    resolved = resolve(form, context.settings)
    due = asyncio.get_running_loop().time() + resolved.search_s
    place = context.admission.place(due)
    heading = replies.Heading(model=resolved.model)
    with_tree = form.spar.tree
    if form.stream:

        async def work(say: ProgressCallback) -> Iterable[dict[str, Any]]:
            found = await _infer(context, resolved, due, say)
            return replies.chunks(heading, found, with_tree, form.stream_options.include_usage)

        return CompletionStream(work, place, context.settings.heartbeat_s)

    async def whole() -> InferenceResult:
        async with place:
            return await _infer(context, resolved, due, _ignore_progress)

    found = await while_connected(request.receive, whole())
    return JSONResponse(replies.completion(heading, found, with_tree), headers={"X-Spar-Ending": found.ending.value})


@router.get("/models")
async def models() -> dict[str, Any]:
    return {"object": "list", "data": replies.models(MODELS, STARTED)}


@router.get("/models/{name:path}")
async def model(name: str) -> dict[str, Any]:
    for each in replies.models(MODELS, STARTED):
        if each["id"] == name:
            return each
    raise GatewayRefusal(
        404, "model_not_found", f"There is no model '{name}'.", "GET /v1/models lists them.", param="model"
    )


@public.get("/health")
async def health(context: Context) -> dict[str, Any]:
    """That the gateway is running, and how busy it is."""
    admission = context.admission
    return {"status": "ok", "running": admission.running, "waiting": admission.waiting}


@public.get("/ready")
async def ready(context: Context) -> Response:
    """Whether both models are reachable; otherwise 503 with the reason."""
    try:
        async with asyncio.timeout(READY_S):
            await context.find_models()
    except TimeoutError:
        return JSONResponse({"status": "waiting", "reason": f"no model was found within {READY_S:g} s"}, 503)
    except EngineError as error:
        log.warning("not_ready", error=str(error))
        return JSONResponse({"status": "waiting", **error_reply(error)[1]}, 503)
    return JSONResponse({"status": "ok"})


async def _infer(
    context: GatewayBackend, request: GatewayRequest, due: float, say: ProgressCallback
) -> InferenceResult:
    """Within what is left of the deadline after waiting for a place."""
    left = max(0.0, due - asyncio.get_running_loop().time())
    found = await infer(context.models, request.inference, request.strategy, context.refining(request.votes), left, say)
    log.info(
        "inferred",
        model=request.model,
        ending=found.ending.value,
        value=found.value,
        generations=found.counts.generations,
        refinements=found.counts.refinements,
        judgments=found.counts.judgments,
        reason=found.reason,
    )
    return found


def _ignore_progress(line: str) -> None:
    """A reply that is sent whole reports no progress."""
