"""A run's shards on an engine that batches, on a virtual clock: what a pilot sees, and what the whole takes."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from spar.engines.base import Completion, Sampling
from spar.engines.skills import JUDGE_RESPONSE, NEGATIVE, SeedScope, Usage, judge, refine_tree, respond
from spar.method.negatives import choose_negative
from spar.method.records import Generated, JudgedPrompt, JudgedResponse, Message, Prompt
from spar.method.templates import builtin_templates
from spar.recipes.models import Recipe
from spar.runtime.steps import current_step
from spar.runtime.trace import Call
from spar.runtime.tracing import Tracer
from spar.testing.batching import ContinuousBatch, CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.clock import run_virtually
from spar.testing.engine import complete

COSTS = CostModel(max_sequences=256, step_base=0.02, step_per_sequence=0.0002, prefill_per_token=0.00002)
TEMPLATES = builtin_templates("compact")


@dataclass(frozen=True, slots=True)
class Ran:
    calls: list[Call]
    usage: Usage
    seconds: float


class _Model:
    """Simulated replies that take as long as they do on a batch."""

    def __init__(self, batch: ContinuousBatch, behaviour: SimulatedBehaviour) -> None:
        self._batch = batch
        self._behaviour = behaviour

    async def sample(self, messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> list[Completion]:
        completions = complete("model", self._behaviour, messages, n, sampling, seed)
        await self._batch.decode(completions[0].prompt_tokens, [each.completion_tokens for each in completions])
        return completions


def run_shards(recipe: Recipe, prompts: Sequence[Prompt], behaviour: SimulatedBehaviour) -> Ran:
    """Each shard step by step, all shards at once: as the coordinator sends them while the window has room."""
    tracer, usage = Tracer(prompts), Usage()

    async def whole() -> None:
        batch = ContinuousBatch(COSTS)
        running = asyncio.create_task(batch.run())
        chat = tracer.observe(_Model(batch, behaviour))
        size = recipe.prompts.shard_size
        shards = [prompts[first : first + size] for first in range(0, len(prompts), size)]
        await asyncio.gather(*(_shard(chat, shard, recipe, usage) for shard in shards))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    _, seconds = run_virtually(whole())
    return Ran(tracer.taken(), usage, seconds)


async def _shard(chat: Any, prompts: Sequence[Prompt], recipe: Recipe, usage: Usage) -> None:
    scope = SeedScope(recipe.seed, 1)
    _at("GenerationSpec")
    generated = await asyncio.gather(*(respond(chat, prompt, recipe.generation, scope, usage) for prompt in prompts))
    _at("JudgmentSpec")
    judged = await asyncio.gather(*(_judged(chat, row, recipe, scope, usage) for row in generated))
    _at("RefinementSpec")
    negatives = [(row.prompt, choose_negative(row, scope.derive(row.prompt, NEGATIVE))) for row in judged]
    await asyncio.gather(
        *(
            refine_tree(chat, prompt, negative, TEMPLATES, recipe.judgment, recipe.search, scope, usage)
            for prompt, negative in negatives
            if isinstance(negative, JudgedResponse)
        )
    )


async def _judged(chat: Any, row: Generated, recipe: Recipe, scope: SeedScope, usage: Usage) -> JudgedPrompt:
    async def one(response: Any) -> JudgedResponse:
        if response.failure is not None:
            return JudgedResponse(response, None)
        where = (JUDGE_RESPONSE, (response.index,))
        judgment = await judge(chat, row.prompt, response.text, TEMPLATES, recipe.judgment, scope, *where, usage)
        return JudgedResponse(response, judgment)

    return JudgedPrompt(row.prompt, tuple(await asyncio.gather(*(one(each) for each in row.responses))))


def _at(spec: str) -> None:
    """Of a step's message a tracer looks at the name of its spec's type only."""
    current_step.set(cast(Any, SimpleNamespace(spec=type(spec, (), {})())))
