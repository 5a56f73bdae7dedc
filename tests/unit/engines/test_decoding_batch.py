"""The batch: rows join and leave in any order, every prompt is read once, and the texts are those of a plain loop."""

import asyncio
import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from spar.engines.base import Sampling
from spar.engines.decoding.batch import Batch
from spar.engines.decoding.calls import Reply, SampleCall
from spar.engines.decoding.load import Loaded, load
from spar.engines.decoding.prefill import groups
from spar.engines.decoding.rows import draw, uniforms
from spar.errors import EngineUnavailable
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(write_tiny_model(tmp_path_factory.mktemp("model")), "float64")


class Counting:
    """A model that counts the tokens it is given: [prompt tokens, padding included; new tokens]."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.config, self.device, self.dtype = model.config, model.device, model.dtype
        self.prompts: list[list[int]] = []
        self.new = 0

    def __call__(self, **inputs: object) -> object:
        ids = inputs["input_ids"]
        assert isinstance(ids, torch.Tensor)
        if ids.shape[1] > 1:
            self.prompts.extend(ids.tolist())
        else:
            self.new += len(ids)
        return self.model(**inputs)


def call(ids: tuple[int, ...], n: int = 1, seed: int = 0, limit: int = 20, **sampling: float) -> SampleCall:
    loop = asyncio.get_running_loop()
    drawn = Sampling(temperature=sampling.get("temperature", 1.0), top_p=sampling.get("top_p", 1.0), max_tokens=limit)
    return SampleCall(ids=ids, n=n, sampling=drawn, limit=limit, seed=seed, loop=loop, done=loop.create_future())


@torch.inference_mode()
def run(batch: Batch, turns: int = 10_000) -> None:
    while batch.has_work and turns:
        batch.advance()
        turns -= 1


@torch.inference_mode()
def plainly(loaded: Loaded, one: SampleCall, sample: int) -> Reply:
    """The same sample, the whole text computed anew for every token."""
    ids, numbers = list(one.ids), uniforms(one.seed + sample, one.limit)
    scales = [torch.tensor([value], dtype=torch.float64) for value in (one.sampling.temperature, one.sampling.top_p)]
    for step in range(one.limit):
        logits = loaded.model(input_ids=torch.tensor([ids]), use_cache=False).logits[:, -1]
        ids.append(int(draw(logits, *scales, numbers[step : step + 1])))
        if ids[-1] in loaded.ends:
            return Reply(ids[len(one.ids) : -1], step + 1, "stop")
    return Reply(ids[len(one.ids) :], one.limit, "length")


def some_calls(seed: int, count: int) -> list[SampleCall]:
    rng = random.Random(seed)
    prompts = [tuple(rng.randint(7, 66) for _ in range(rng.randint(1, 40))) for _ in range(count // 2 + 1)]
    return [
        call(
            rng.choice(prompts),
            n=rng.choice([1, 1, 3, 5, 9]),
            seed=rng.getrandbits(63),
            limit=rng.choice([1, 2, 17, 40]),
            temperature=rng.choice([0.0, 0.7, 1.3]),
            top_p=rng.choice([1.0, 0.9, 0.4]),
        )
        for _ in range(count)
    ]


async def test_replies_are_those_of_a_loop_without_batch_or_cache(loaded: Loaded) -> None:
    calls = some_calls(1, 12)
    batch = Batch(loaded.model, loaded.ends, 7)
    for one in calls:
        batch.submit(one)
    run(batch)
    for one in calls:
        assert await one.done == [plainly(loaded, one, sample) for sample in range(one.n)]


@pytest.mark.parametrize("max_batch", [1, 2, 5, 16, 200])
async def test_any_company_and_order_give_the_same_texts(loaded: Loaded, max_batch: int) -> None:
    wanted = None
    for order in range(3 if max_batch > 2 else 1):
        calls = some_calls(2, 25)
        arriving = random.Random(order).sample(calls, len(calls))
        batch = Batch(loaded.model, loaded.ends, max_batch)
        while arriving:
            for one in arriving[: 1 + order * 3]:
                batch.submit(one)
            del arriving[: 1 + order * 3]
            run(batch, turns=1 + order)
        run(batch)
        replies = [await one.done for one in calls]
        if wanted is None:
            wanted = replies
        assert replies == wanted


async def test_a_prompt_is_read_once_for_all_its_samples_and_for_calls_that_wait_with_it(loaded: Loaded) -> None:
    model = Counting(loaded.model)
    batch = Batch(model, loaded.ends, 4)
    for ids in ((7, 8, 9), (7, 8, 9), (10, 11, 12, 13), (7, 8, 9)):
        batch.submit(call(ids, n=5, limit=3))
    run(batch)
    assert sorted(row[:3] for row in model.prompts) == [[7, 8, 9], [10, 11, 12]]
    assert model.new <= 20 * 2  # the first of three tokens comes from the prompt's own pass


async def test_rows_are_computed_together_until_they_part(loaded: Loaded) -> None:
    model = Counting(loaded.model)
    batch = Batch(model, [], 50)
    calls = [call((7, 8), n=20, seed=3, limit=6), call((7, 8), n=20, seed=40, limit=6), call((9,), n=5, limit=6)]
    for one in calls:
        batch.submit(one)
    run(batch)
    texts = [(one.ids, tuple(reply.ids)) for one in calls for reply in await one.done]
    beginnings = {(prompt, text[:length]) for prompt, text in texts for length in range(1, 6)}
    assert model.new == len(beginnings)
    assert len(texts) * 5 > model.new


async def test_cancelled_rows_leave_and_waiting_calls_are_dropped(loaded: Loaded) -> None:
    model = Counting(loaded.model)
    batch = Batch(model, [], 4)
    # Greedy samples of one prompt are one branch: two turns compute two tokens, however many rows there are.
    running, waiting, other = (call((7, 8), n=n, limit=30, temperature=0.0) for n in (3, 3, 1))
    for one in (running, waiting, other):
        batch.submit(one)
    run(batch, turns=2)
    assert model.new == 2
    running.cancelled = waiting.cancelled = batch.stale = True
    run(batch)
    assert (await other.done)[0].drawn == 30
    assert model.new == 2 + 29
    assert not running.replies
    assert not waiting.replies


async def test_failing_ends_every_call_and_the_batch_works_on(loaded: Loaded) -> None:
    batch = Batch(loaded.model, loaded.ends, 2)
    calls = [call((7, 8), n=3), call((9,), n=1)]
    for one in calls:
        batch.submit(one)
    run(batch, turns=1)
    batch.fail(EngineUnavailable("broken", "mend it"))
    for one in calls:
        with pytest.raises(EngineUnavailable):
            await one.done
    later = call((7, 8), limit=4)
    batch.submit(later)
    run(batch)
    assert await later.done == [plainly(loaded, later, 0)]


def test_attention_is_that_of_transformers(loaded: Loaded, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    loaded.model.save_pretrained(tmp_path)
    eager = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float64, attn_implementation="eager")
    ids = torch.randint(7, 66, (3, 40), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(loaded.model(input_ids=ids).logits, eager(input_ids=ids).logits, atol=1e-4)


def test_prompts_are_grouped_by_length() -> None:
    lengths = [400, 3, 5, 390, 4, 410, 1000, 380]
    cut = [[len(ids) for ids in group] for group in groups([(0,) * length for length in lengths])]
    assert cut == [[3, 4, 5], [380, 390, 400, 410], [1000]]
    assert [len(group) for group in groups([(i,) * 1500 for i in range(5)])] == [2, 2, 1]
