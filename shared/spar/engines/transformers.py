"""The in-process engine: models from directories, all calls of all tasks decoded together on one thread.

The embedded default, on a CPU or one GPU. Guarantees that the same call with the same seed gives the same text whatever
else is in the batch (dtype float64). Decoding itself is in `spar.engines.decoding`; this file is the entry from asyncio
and converts between conversations and token ids, by the tokenizer's own chat template.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spar.checkpoints.chat_template import encode_prompt
from spar.engines.base import Adjustment, ChatModel, Completion, Engine, LocalModel, Sampling
from spar.engines.decoding.batch import Batch
from spar.engines.decoding.calls import Reply, SampleCall
from spar.engines.decoding.load import load
from spar.engines.decoding.thread import ComputeThread, closed
from spar.errors import ConversationTooLong, DeadlineExceeded, EngineError
from spar.method.records import Message
from spar.recipes.models import EngineSettings

REMEMBERED = 4096
"""Conversations whose ids are kept: votes, retries and siblings send the same messages again and again, and a template
takes longer than decoding a short prompt."""


KEPT_MODELS = 4  # actor and refiner, and those of the previous iteration


def make(settings: EngineSettings) -> Engine:
    return TransformersEngine(settings)


class TransformersEngine:
    """Loads models and keeps the last few. A ChatModel that was evicted still serves the callers that hold it."""

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


class ChatTokens:
    """Encodes and decodes for one model, on the event loop's thread only. `positions` is the model's context length."""

    def __init__(self, tokenizer: Any, positions: int) -> None:
        self._tokenizer = tokenizer
        self._positions = positions
        self._remembered: OrderedDict[tuple[Message, ...], tuple[int, ...]] = OrderedDict()

    def encode(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Ids of the conversation, up to where the assistant's turn begins.

        Raises ConversationTooLong, TemplateRefused.
        """
        key = tuple(messages)
        ids = self._remembered.get(key)
        if ids is None:
            ids = self._remembered[key] = self._encode(key)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(key)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _encode(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
        ids = encode_prompt(self._tokenizer, messages)
        if len(ids) > self._positions - 1:
            raise ConversationTooLong(
                f"A prompt is {len(ids)} tokens long, but the model takes {self._positions} positions in all.",
                "Shorten the prompt or the prompt templates, or use a model with more positions.",
            )
        return tuple(ids)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model. The prompt is encoded and the replies are decoded here, off the compute thread."""

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
