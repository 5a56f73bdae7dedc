"""The clock of the simulated server: sequences share steps, the rest queues, and time follows without drift."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from spar.testing.batching import ContinuousBatch, CostModel
from spar.testing.clock import run_virtually


@asynccontextmanager
async def running(costs: CostModel) -> AsyncIterator[ContinuousBatch]:
    batch = ContinuousBatch(costs)
    task = asyncio.create_task(batch.run())
    yield batch
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_sequences_decoded_together_share_the_base_cost() -> None:
    async with running(
        CostModel(max_sequences=4, step_base=0.001, step_per_sequence=0.0, prefill_per_token=0.0)
    ) as batch:
        await asyncio.gather(*[batch.decode(10, [20]) for _ in range(4)])
    assert (batch.stats.sequences, batch.stats.sequence_steps) == (4, 80)
    assert batch.stats.busy_s == pytest.approx(0.020, abs=0.003)  # they may not all arrive before the first step


async def test_more_than_fit_wait_for_a_place() -> None:
    async with running(
        CostModel(max_sequences=2, step_base=0.001, step_per_sequence=0.0005, prefill_per_token=0.0)
    ) as batch:
        await batch.decode(0, [10, 10, 10, 10])
    assert batch.stats.busy_s == pytest.approx(20 * 0.002)
    assert batch.stats.always_full_s(batch.costs) == pytest.approx(batch.stats.busy_s)


async def test_siblings_pay_for_their_prompt_once() -> None:
    async with running(
        CostModel(max_sequences=8, step_base=0.0, step_per_sequence=0.0, prefill_per_token=0.0001)
    ) as batch:
        await batch.decode(100, [1, 1, 1])
    assert batch.stats.prompt_tokens == 100
    assert batch.stats.busy_s == pytest.approx(0.01)


def test_the_clock_follows_the_batch_without_drift() -> None:
    async def decode() -> None:
        async with running(
            CostModel(max_sequences=1, step_base=0.001, step_per_sequence=0.0, prefill_per_token=0.0)
        ) as batch:
            await batch.decode(0, [300])

    _, took = run_virtually(decode())
    assert took == pytest.approx(0.3)


async def test_cancelling_frees_the_places() -> None:
    async with running(
        CostModel(max_sequences=1, step_base=0.001, step_per_sequence=0.0, prefill_per_token=0.0)
    ) as batch:
        long = asyncio.create_task(batch.decode(0, [100_000, 100_000]))
        await asyncio.sleep(0.005)
        long.cancel()
        await asyncio.wait_for(batch.decode(0, [3]), timeout=5)
    assert batch.stats.sequences == 2
