"""A run's shards on an engine that batches, on a virtual clock: what a pilot sees, and what the whole takes."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

from spar.engines.base import Completion, Sampling
from spar.method.negatives import choose_negative
from spar.method.records import Generated, JudgedPrompt, JudgedResponse, Message, Prompt, Response
from spar.method.templates import builtin_templates
from spar.recipes.init import FIRST, TEACHERS, is_teachers
from spar.recipes.iteration_settings import settings_in
from spar.recipes.models import Recipe
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import NEGATIVE, SeedScope, Usage
from spar.runtime.steps import current_step
from spar.runtime.trace import TracedCall
from spar.runtime.tracing import Tracer
from spar.testing.batching import ContinuousBatch, CostModel
from spar.testing.behaviour import SimulatedBehaviour
from spar.testing.clock import run_virtually
from spar.testing.engine import complete

COSTS = CostModel(max_sequences=256, step_base=0.02, step_per_sequence=0.0002, prefill_per_token=0.00002)
TEMPLATES = builtin_templates("compact")


@dataclass(frozen=True, slots=True)
class Ran:
    calls: list[TracedCall]
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
    return run_all(recipe, {FIRST: prompts}, behaviour, {})


def run_all(
    recipe: Recipe,
    parts: Mapping[int, Sequence[Prompt]],
    behaviour: SimulatedBehaviour,
    training_s: Mapping[int, float],
    teacher_costs: CostModel | None = None,
) -> Ran:
    """Iterations one after the other, those of the starting models with the trainings that follow them. With
    `teacher_costs` the teacher is on an engine of its own."""
    tracer, usage = Tracer([prompt for prompts in parts.values() for prompt in prompts]), Usage()

    async def whole() -> None:
        batches = [ContinuousBatch(COSTS)]
        if teacher_costs is not None:
            batches.append(ContinuousBatch(teacher_costs))
        running = [asyncio.create_task(batch.run()) for batch in batches]
        own, teacher = (tracer.observe(_Model(batch, behaviour)) for batch in (batches[0], batches[-1]))
        size = recipe.prompts.shard_size
        for iteration, prompts in parts.items():
            asked = _Asked(*(teacher if is_teachers(iteration, kind) else own for kind in TEACHERS))
            settings, scope = settings_in(recipe, iteration), SeedScope(seed=recipe.seed, iteration=iteration)
            shards = [prompts[first : first + size] for first in range(0, len(prompts), size)]
            await asyncio.gather(*(_shard(asked, shard, settings, scope, usage) for shard in shards))
            await asyncio.sleep(training_s.get(iteration, 0.0))
        for task in running:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    _, seconds = run_virtually(whole())
    return Ran(tracer.taken(), usage, seconds)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whom the steps of an iteration ask, in the order of `TEACHERS`."""

    generation: Any
    judgment: Any
    refinement: Any


async def _shard(asked: _Asked, prompts: Sequence[Prompt], recipe: Recipe, scope: SeedScope, usage: Usage) -> None:
    _at("GenerationSpec", scope.iteration)
    actor = Actor(chat=asked.generation, settings=recipe.generation, scope=scope, usage=usage)
    generated = await asyncio.gather(*(actor.respond(prompt) for prompt in prompts))
    if recipe.judgment.policy == "unjudged":
        return
    _at("JudgmentSpec", scope.iteration)
    settings = RefinerSettings.for_search(templates=TEMPLATES, judgment=recipe.judgment, search=recipe.search)
    judge = Refiner(chat=asked.judgment, settings=settings, scope=scope, usage=usage)
    judged = await asyncio.gather(*(_judged(judge, row) for row in generated))
    _at("RefinementSpec", scope.iteration)
    refiner = Refiner(chat=asked.refinement, settings=settings, scope=scope, usage=usage)
    negatives = [(row.prompt, choose_negative(row, scope.derive(row.prompt, NEGATIVE))) for row in judged]
    await asyncio.gather(
        *(
            refiner.search(prompt, negative, policy_of(recipe.search))
            for prompt, negative in negatives
            if isinstance(negative, JudgedResponse)
        )
    )


async def _judged(judge: Refiner, row: Generated) -> JudgedPrompt:
    async def one(response: Response) -> JudgedResponse:
        if response.failure is not None:
            return JudgedResponse(response, None)
        return JudgedResponse(response, await judge.judge_response(row.prompt, response))

    return JudgedPrompt(row.prompt, tuple(await asyncio.gather(*(one(each) for each in row.responses))))


def _at(spec: str, iteration: int) -> None:
    """Of a step's message a tracer looks at the name of its spec's type and at its iteration."""
    current_step.set(cast(Any, SimpleNamespace(spec=type(spec, (), {"iteration": iteration})())))
