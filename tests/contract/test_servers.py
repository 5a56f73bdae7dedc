"""The openai engine with servers that have each habit of `spar.testing.habits`: whole replies, and their usage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from spar.engines.base import Adjustment, ChatModel, Completion, LocalModel, Sampling
from spar.engines.openai import OpenAIEngine
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.roles.usage import Usage
from spar.testing.batching import CostModel
from spar.testing.habits import HABITS, Habit
from spar.testing.server import ServerOptions, running_server

MESSAGES = (Message("user", "Write about rain."),)
WARM = Sampling(temperature=0.9, top_p=0.8, max_tokens=512)
INSTANT = CostModel(step_base=0.0, step_per_sequence=0.0, prefill_per_token=0.0)
NOT_SENT = {
    "temperature": Adjustment.TEMPERATURE_NOT_SENT,
    "top_p": Adjustment.TOP_P_NOT_SENT,
    "seed": Adjustment.SEED_NOT_SENT,
    "max_tokens": Adjustment.MAX_TOKENS_LOWERED,
}


@asynccontextmanager
async def served(habit: Habit) -> AsyncIterator[ChatModel]:
    async with running_server(ServerOptions(costs=INSTANT, habit=habit)) as url:
        engine = OpenAIEngine(EngineSettings(kind="openai", url=url))
        try:
            yield await engine.serve(LocalModel("simulated", name="simulated"))
        finally:
            await engine.close()


async def plain(n: int, seed: int) -> list[Completion]:
    async with served(Habit()) as model:
        return await model.sample(MESSAGES, n, WARM, seed)


@pytest.fixture(params=HABITS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_every_call_gets_its_replies(name: str) -> None:
    habit = HABITS[name]
    async with served(habit) as model:
        first = await model.sample(MESSAGES, 3, WARM, 42)
        single = await model.sample(MESSAGES, 1, WARM, 7)
        again = await model.sample(MESSAGES, 3, WARM, 42)
    assert [len(replies) for replies in (first, single, again)] == [3, 1, 3]
    assert [reply.text for reply in first] == [reply.text for reply in again]
    if not habit.loses:
        assert [reply.text for reply in first] == [reply.text for reply in await plain(3, 42)]
        assert [reply.text for reply in single] == [reply.text for reply in await plain(1, 7)]
    for reply in (*first, *single):
        assert set(reply.adjustments) == {NOT_SENT[each] for each in habit.loses}


async def test_tokens_are_counted_or_marked_as_estimates(name: str) -> None:
    async with served(HABITS[name]) as model:
        usage = Usage()
        usage.count(await model.sample(MESSAGES, 3, WARM, 42))
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    marked = name.startswith("usage_")
    assert usage.estimated_tokens == (usage.prompt_tokens + usage.completion_tokens if marked else 0)


@pytest.mark.parametrize(
    "name", ["max_completion_tokens", "fixed_temperature", "one_choice_by_words", "limit_of_the_model"]
)
async def test_a_refusal_is_learned_once(name: str) -> None:
    refused: list[int] = []
    habit = HABITS[name]

    def refuse(body: object, number: int) -> object:
        found = habit.refuse(body, number)  # type: ignore[arg-type]
        if found is not None:
            refused.append(number)
        return found

    async with served(replace(habit, refuse=refuse)) as model:  # type: ignore[arg-type]
        for seed in range(3):
            await model.sample(MESSAGES, 3, WARM, seed)
    assert refused == [0]
