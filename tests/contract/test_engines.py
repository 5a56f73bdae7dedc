"""One contract for everything that serves a model (spar.engines.base), run over every engine in `ENGINES`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spar.engines.base import Adjustment, ChatModel, Completion, Sampling
from spar.errors import ConversationTooLong, DeadlineExceeded, EngineUnavailable, ModelUnusable
from spar.method.records import Message
from tests.contract.engines import ENGINES, EngineCase, Subject

WARM = Sampling(temperature=1.0, top_p=1.0, max_tokens=12)
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=12)
LONG = Sampling(temperature=1.0, top_p=0.9, max_tokens=64)


@pytest.fixture(params=[pytest.param(case, id=name, marks=case.marks) for name, case in ENGINES.items()])
def case(request: pytest.FixtureRequest) -> EngineCase:
    return request.param


@pytest.fixture
async def subject(case: EngineCase, tmp_path: Path) -> AsyncIterator[Subject]:
    async with case.start(tmp_path, 60.0) as subject:
        yield subject


@pytest.fixture
async def chat(subject: Subject) -> ChatModel:
    return await subject.engine.serve(subject.model)


def texts_of(replies: list[Completion]) -> list[tuple[str, str]]:
    """What must repeat: a server counts the tokens of a request's replies together, so their shares may not."""
    return [(reply.text, reply.finish_reason) for reply in replies]


def ask(text: str) -> list[Message]:
    return [Message("user", text)]


async def test_gives_as_many_replies_as_requested(chat: ChatModel) -> None:
    for n in (1, 5, 40):
        assert len(await chat.sample(ask("w1 w2 w3"), n, WARM, seed=1)) == n


async def test_counts_tokens_and_says_why_it_stopped(chat: ChatModel) -> None:
    replies = await chat.sample(ask("w1 w2 w3"), 40, WARM, seed=1)
    assert {reply.finish_reason for reply in replies} <= {"stop", "length"}
    assert all(0 < reply.completion_tokens <= WARM.max_tokens for reply in replies)
    assert len({reply.prompt_tokens for reply in replies}) == 1
    assert replies[0].prompt_tokens > 3
    for reply in replies:
        if reply.finish_reason == "length":
            assert reply.completion_tokens == WARM.max_tokens


async def test_same_call_and_seed_give_the_same_texts(case: EngineCase, chat: ChatModel) -> None:
    if not case.repeats:
        pytest.skip("this engine promises no repeats")
    first = await chat.sample(ask("w4 w5"), 6, WARM, seed=11)
    assert await chat.sample(ask("w4 w5"), 6, WARM, seed=11) == first
    assert await chat.sample(ask("w4 w5"), 6, WARM, seed=400) != first


async def test_sample_i_is_the_sample_of_seed_plus_i(case: EngineCase, chat: ChatModel) -> None:
    if not case.repeats:
        pytest.skip("this engine promises no repeats")
    together = await chat.sample(ask("w4 w5"), 4, WARM, seed=11)
    alone = [(await chat.sample(ask("w4 w5"), 1, WARM, seed=11 + i))[0] for i in range(4)]
    assert texts_of(together) == texts_of(alone)


async def test_temperature_0_is_one_text_whatever_the_seed(chat: ChatModel) -> None:
    texts = {reply.text for seed in (1, 2) for reply in await chat.sample(ask("w6"), 3, GREEDY, seed=seed)}
    assert len(texts) == 1


async def test_concurrent_calls_each_get_their_own_replies(case: EngineCase, chat: ChatModel) -> None:
    prompts = [ask(" ".join(f"w{i + j}" for j in range(1 + i % 7))) for i in range(40)]
    together = await asyncio.gather(*(chat.sample(prompt, 2, WARM, seed=i) for i, prompt in enumerate(prompts)))
    assert all(len(replies) == 2 for replies in together)
    if case.repeats:
        alone = [await chat.sample(prompt, 2, WARM, seed=i) for i, prompt in enumerate(prompts)]
        assert [texts_of(replies) for replies in together] == [texts_of(replies) for replies in alone]


async def test_conversations_may_have_several_turns(chat: ChatModel) -> None:
    turns = [Message("system", "w9"), Message("user", "w1"), Message("assistant", "w2"), Message("user", "w3")]
    (reply,) = await chat.sample(turns, 1, GREEDY, seed=0)
    assert reply.prompt_tokens > 4


async def test_a_cancelled_call_ends_and_the_others_go_on(chat: ChatModel) -> None:
    doomed = asyncio.create_task(chat.sample(ask("w1"), 64, LONG, seed=1))
    other = asyncio.create_task(chat.sample(ask("w2"), 3, WARM, seed=1))
    await asyncio.sleep(0)
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    assert len(await other) == 3
    assert len(await chat.sample(ask("w1"), 1, WARM, seed=1)) == 1


async def test_a_call_past_its_deadline_fails_as_such(case: EngineCase, tmp_path: Path) -> None:
    async with case.start(tmp_path, 0.001) as subject:
        chat = await subject.engine.serve(subject.model)
        with pytest.raises(DeadlineExceeded) as raised:
            await chat.sample(ask("w1"), 64, LONG, seed=1)
    assert raised.value.fix


async def test_a_prompt_that_does_not_fit_is_refused(subject: Subject, chat: ChatModel) -> None:
    if subject.positions is None:
        pytest.skip("this engine does not know the model's positions")
    with pytest.raises(ConversationTooLong) as raised:
        await chat.sample(ask(" ".join(["w1"] * subject.positions)), 1, WARM, seed=1)
    assert raised.value.fix


@pytest.mark.parametrize("beyond", [-2, 1000])
async def test_max_tokens_that_do_not_fit_are_lowered_and_counted(
    subject: Subject, chat: ChatModel, beyond: int
) -> None:
    """Below and above the model's positions; several samples, some of which may end on their own."""
    if subject.positions is None or not subject.lowers:
        pytest.skip("this engine takes any max_tokens")
    prompt = ask(" ".join(["w1"] * (subject.positions - 40)))
    replies = await chat.sample(
        prompt, 4, Sampling(temperature=1.0, top_p=1.0, max_tokens=subject.positions + beyond), seed=1
    )
    room = subject.positions - replies[0].prompt_tokens
    assert all(reply.adjustments == (Adjustment.MAX_TOKENS_LOWERED,) for reply in replies)
    assert all(reply.completion_tokens <= room for reply in replies)
    fitting = await chat.sample(prompt, 4, Sampling(temperature=1.0, top_p=1.0, max_tokens=room), seed=1)
    assert all(reply.adjustments == () for reply in fitting)


async def test_an_unusable_model_is_refused_every_time(subject: Subject) -> None:
    """When it is served; or at its first call, if only a server knows."""
    if subject.unusable is None:
        pytest.skip("this engine takes any model")
    for _ in range(2):
        with pytest.raises(ModelUnusable) as raised:
            await (await subject.engine.serve(subject.unusable)).sample(ask("w1"), 1, WARM, seed=1)
        assert raised.value.fix


async def test_serving_at_once_and_again_is_the_same_model(case: EngineCase, subject: Subject) -> None:
    chats = await asyncio.gather(*(subject.engine.serve(subject.model) for _ in range(3)))
    replies = [await chat.sample(ask("w1"), 1, GREEDY, seed=0) for chat in chats]
    assert not case.repeats or replies[0] == replies[1] == replies[2]


async def test_closing_ends_calls_in_flight(subject: Subject, chat: ChatModel) -> None:
    calls = [asyncio.create_task(chat.sample(ask(f"w{i}"), 64, LONG, seed=i)) for i in range(5)]
    await asyncio.sleep(0)
    await subject.engine.close()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(end, EngineUnavailable) for end in ended)
    with pytest.raises(EngineUnavailable):
        await chat.sample(ask("w1"), 1, WARM, seed=1)
    with pytest.raises(EngineUnavailable):
        await subject.engine.serve(subject.model)
    await subject.engine.close()
