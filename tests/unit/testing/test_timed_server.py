"""The timed server: its clock against the cost model by hand, what cancelling frees, what the prefix cache spares."""

import asyncio
from collections.abc import Sequence

import pytest

from spar.testing.batching import ContinuousBatch, CostModel
from spar.testing.clock import run_virtually
from spar.testing.prefix_cache import PrefixCache, Span
from spar.testing.timed_server import TimedServer

COSTS = CostModel(max_sequences=2, step_base=1.0, step_per_sequence=0.1, prefill_per_token=0.01)
PROMPT = (Span("a prompt", 100),)


def serve(
    work: Sequence[tuple[float, Sequence[int]]], costs: CostModel = COSTS, cache: int = 10_000
) -> tuple[TimedServer, list[float]]:
    """Requests as (arrival, lengths of the replies), each with a prompt of its own; the server, and when each ended."""

    async def all_of_it() -> tuple[TimedServer, list[float]]:
        server = TimedServer(costs, PrefixCache(cache))
        running = asyncio.create_task(server.run())
        ended = await asyncio.gather(*(_one(server, number, *one) for number, one in enumerate(work)))
        running.cancel()
        return server, ended

    return run_virtually(all_of_it())[0]


async def _one(server: TimedServer, number: int, arrival: float, lengths: Sequence[int]) -> float:
    await asyncio.sleep(arrival)
    replies = [Span(f"{number} {index}", length) for index, length in enumerate(lengths)]
    await server.decode("judge", (Span(f"prompt {number}", 100),), replies)
    return asyncio.get_running_loop().time()


def test_a_request_takes_its_prompt_once_and_its_longest_reply() -> None:
    server, [ended] = serve([(0.0, [10, 4])])
    assert ended == pytest.approx(1.0 + 4 * 1.2 + 6 * 1.1)
    assert server.stats.by_kind["judge"].completion == 14
    assert server.stats.by_kind["judge"].prompt == 100
    assert server.stats.busy_s == pytest.approx(ended)


def test_what_arrives_in_a_step_joins_after_it() -> None:
    _, [first, second] = serve([(0.0, [10]), (3.0, [2])])
    # The first prompt takes 1 s, then two steps are begun by 3 s: the second joins at 3.2 s and prefills until 4.2 s.
    assert second == pytest.approx(3.2 + 1.0 + 2 * 1.2)
    assert first == pytest.approx(second + 6 * 1.1)


def test_more_than_fit_wait_their_turn() -> None:
    _, [first, second, third] = serve([(0.0, [5]), (0.0, [5]), (0.0, [5])])
    assert first == second == pytest.approx(2.0 + 5 * 1.2)
    assert third == pytest.approx(second + 1.0 + 5 * 1.1)


def test_jumps_agree_with_the_server_that_steps_one_by_one() -> None:
    costs = CostModel(max_sequences=3, step_base=0.008, step_per_sequence=0.003, prefill_per_token=0.0)
    work = [(0.0137 * number, [3 + number * 5 % 17] * (1 + number % 3)) for number in range(40)]

    async def stepped() -> list[float]:
        batch = ContinuousBatch(costs)
        running = asyncio.create_task(batch.run())

        async def one(arrival: float, lengths: list[int]) -> float:
            await asyncio.sleep(arrival)
            await batch.decode(100, lengths)
            return asyncio.get_running_loop().time()

        ended = await asyncio.gather(*(one(*each) for each in work))
        running.cancel()
        return ended

    assert serve(work, costs)[1] == pytest.approx(run_virtually(stepped())[0])


def test_a_cancelled_request_frees_its_slots_and_keeps_what_it_took() -> None:
    async def work() -> tuple[TimedServer, float]:
        server = TimedServer(COSTS, PrefixCache(10_000))
        running = asyncio.create_task(server.run())
        given_up = asyncio.create_task(server.decode("refine", PROMPT, [Span("x", 1000), Span("y", 1000)]))
        await asyncio.sleep(1.0 + 2 * 1.2 + 0.1)
        given_up.cancel()
        await server.decode("judge", PROMPT, [Span("z", 1)])
        running.cancel()
        return server, asyncio.get_running_loop().time()

    (server, ended), _ = run_virtually(work())
    assert server.stats.by_kind["refine"].completion == 2 * 3
    # The step in which it was given up ends at 4.6 s; 96 of the prompt's 100 tokens are held by then.
    assert ended == pytest.approx(1.0 + 3 * 1.2 + 0.04 + 1.1)
    assert server.load == 0


def test_sequences_wait_for_memory() -> None:
    _, [first, second] = serve([(0.0, [50]), (0.0, [60])], cache=100)
    assert second > first + 60


def cached(cache: PrefixCache, *spans: tuple[str, int]) -> int:
    return cache.read([Span(*span) for span in spans])


def test_a_prefix_is_shared_in_whole_blocks_and_never_to_its_last_token() -> None:
    cache = PrefixCache(10_000)
    assert cached(cache, ("form", 30), ("text", 50)) == 0
    assert cached(cache, ("form", 30), ("other", 50)) == 16
    assert cached(cache, ("form", 30), ("text", 50)) == 64  # of 80: the last token begins the reply
    assert cached(cache, ("text", 50), ("form", 30)) == 0


def test_a_reply_that_comes_back_in_a_conversation_is_held() -> None:
    cache = PrefixCache(10_000)
    cached(cache, ("question", 32))
    cache.add([Span("question", 32), Span("critique", 32)])
    assert cached(cache, ("question", 32), ("critique", 32), ("refine", 10)) == 64


def test_the_least_recently_used_end_is_evicted_first() -> None:
    cache = PrefixCache(100)
    cached(cache, ("form", 32), ("old", 32))
    cached(cache, ("form", 32), ("new", 32))
    cached(cache, ("form", 32), ("third", 32))  # evicts "old"
    assert cached(cache, ("form", 32), ("new", 32), ("end", 1)) == 64
    assert cached(cache, ("form", 32), ("old", 32)) == 32


def test_what_is_decoded_takes_memory_from_what_is_kept() -> None:
    cache = PrefixCache(100)
    cached(cache, ("form", 64))
    cache.reserve(90)
    cache.release(90)
    assert cached(cache, ("form", 64), ("end", 1)) == 0
