"""The in-process engine: models from directories, all calls of all tasks decoded together on one thread.

The embedded default, on a CPU or one GPU. Promises that the same call with the same seed gives the same text whatever
else is in the batch (dtype float64). Decoding itself is `spar.engines.decoding`; this file is the way in from asyncio.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from spar.engines.base import Adjustment, ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.decoding.batch import Batch
from spar.engines.decoding.calls import Reply, SampleCall
from spar.engines.decoding.load import load
from spar.engines.decoding.thread import ComputeThread, closed
from spar.engines.decoding.tokens import ChatTokens
from spar.errors import DeadlineExceeded, EngineError
from spar.method.records import Message
from spar.recipes.models import EngineSettings

KEPT_MODELS = 4  # actor and refiner, and the ones of the iteration before


def make(settings: EngineSettings) -> Engine:
    return TransformersEngine(settings)


class TransformersEngine:
    """Loads models and keeps the last few. A ChatModel that was pushed out still answers those who hold it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._thread = ComputeThread()
        self._served: OrderedDict[str, asyncio.Task[ServedModel]] = OrderedDict()
        self._closed = False

    async def serve(self, model: LocalModel) -> ChatModel:
        """Load the model once, however many callers wait for it. Raises what loading raises, to each of them."""
        if self._closed:
            raise closed()
        loading = self._served.get(model.fingerprint)
        if loading is None:
            loading = self._served[model.fingerprint] = asyncio.create_task(self._load(model))
            if len(self._served) > KEPT_MODELS:
                self._served.popitem(last=False)
        self._served.move_to_end(model.fingerprint)
        try:
            # Shielded: a caller that gives up must not stop the loading that others wait for.
            return await asyncio.shield(loading)
        except EngineError:
            # Forgotten, so that the next call looks at the directory again.
            if self._served.get(model.fingerprint) is loading:
                del self._served[model.fingerprint]
            raise

    async def close(self) -> None:
        self._closed = True
        self._served.clear()
        await asyncio.to_thread(self._thread.close)

    async def _load(self, model: LocalModel) -> "ServedModel":
        loaded = await asyncio.to_thread(load, model, self._settings.dtype)
        batch = Batch(loaded.model, loaded.ends, self._settings.max_batch)
        tokens = ChatTokens(loaded.tokenizer, loaded.positions)
        return ServedModel(batch, self._thread, tokens, loaded.positions, self._settings.deadline_s)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model that answers. The prompt is encoded and the replies are decoded here, off the compute thread."""

    batch: Batch
    thread: ComputeThread
    tokens: ChatTokens
    positions: int
    deadline_s: float

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        """Completion tokens count the end token too, as OpenAI-compatible servers do."""
        ids = self.tokens.encode(messages)
        loop = asyncio.get_running_loop()
        limit = min(sampling.max_tokens, self.positions - len(ids))
        call = SampleCall(ids=ids, n=n, sampling=sampling, limit=limit, seed=seed, loop=loop, done=loop.create_future())
        self.thread.submit(self.batch, call)
        replies = await self._replies(call)
        adjustments = (Adjustment.MAX_TOKENS_LOWERED,) if limit < sampling.max_tokens else ()
        return [self._completion(reply, len(ids), adjustments) for reply in replies]

    async def _replies(self, call: SampleCall) -> list[Reply]:
        try:
            async with asyncio.timeout(self.deadline_s):
                return await call.done
        except TimeoutError:
            raise DeadlineExceeded(
                f"{call.n} samples took longer than {self.deadline_s:g} s.",
                "Raise engine.deadline_s, ask for fewer tokens, or put less work in flight.",
            ) from None
        finally:
            if not call.done.done() or call.done.cancelled():
                call.cancelled = self.batch.stale = True

    def _completion(self, reply: Reply, prompt_tokens: int, adjustments: tuple[Adjustment, ...]) -> Completion:
        text = self.tokens.decode(reply.ids)
        return Completion(
            text=text,
            finish_reason=reply.finish_reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=reply.drawn,
            adjustments=adjustments,
        )
