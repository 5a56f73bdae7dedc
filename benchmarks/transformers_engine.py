"""Decoding speed of the in-process engine, as a ratio to transformers' `generate` on the same prompts.

    python benchmarks/transformers_engine.py [--model DIR] [--rows 1000] [--max-batch 256]

The workload resembles judging: prompts of about 45 tokens, 5 samples each, 20-50 tokens per sample (set by max_tokens).
`generate` gets the same prompts in batches of the same number of rows, sorted by length, and decodes as many tokens as
the longest sample of each batch needs; only requested tokens are counted. Without --model, a random Llama of the story
world's size is used. One torch thread. On a busy machine, CPU seconds are more meaningful than wall-clock time.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from spar.engines.base import LocalModel, Sampling
from spar.engines.decoding.load import load
from spar.engines.transformers import ChatTokens, make
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from tests.tiny_model import write_tiny_model

SAMPLES = 5


@dataclass(frozen=True)
class Work:
    """One call: a conversation, and how many tokens each of its samples draws at most."""

    messages: tuple[Message, ...]
    limit: int


def work(rows: int, words: Sequence[str]) -> list[Work]:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(words, k=rng.randint(35, 52))) for _ in range(rows // SAMPLES)]
    return [Work((Message("user", text),), rng.randint(20, 50)) for text in texts]


async def engine_tokens(model: LocalModel, dtype: str, max_batch: int, calls: list[Work]) -> Callable[[], Any]:
    """Serve and warm up; returns what is timed: all calls at once."""
    settings = EngineSettings.model_validate({"dtype": dtype, "max_batch": max_batch})
    engine = make(settings)
    chat = await engine.serve(model)

    async def timed() -> int:
        jobs = [
            chat.sample(call.messages, SAMPLES, Sampling(temperature=0.7, top_p=1.0, max_tokens=call.limit), 1000 * i)
            for i, call in enumerate(calls)
        ]
        replies = await asyncio.gather(*jobs)
        return sum(reply.completion_tokens for several in replies for reply in several)

    await chat.sample(calls[0].messages, max_batch, Sampling(temperature=0.7, top_p=1.0, max_tokens=20), 0)
    return lambda: _then_close(engine, timed())


async def _then_close(engine: Any, job: Any) -> int:
    tokens = await job
    await engine.close()
    return int(tokens)


def generate_tokens(model: LocalModel, max_batch: int, calls: list[Work]) -> int:
    """The same work with `generate`: left-padded, and a batch runs until its longest sample is done."""
    loaded = load(model, "float32")
    loaded.model.set_attn_implementation("sdpa")
    tokens = ChatTokens(loaded.tokenizer, loaded.positions)
    encoded = sorted(((tokens.encode(call.messages), call.limit) for call in calls), key=lambda pair: len(pair[0]))
    drawn = 0
    for start in range(0, len(encoded), max_batch // SAMPLES):
        batch = encoded[start : start + max_batch // SAMPLES]
        width = max(len(ids) for ids, _ in batch)
        rows = torch.tensor([(0,) * (width - len(ids)) + ids for ids, _ in batch])
        mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids, _ in batch])
        out = loaded.model.generate(
            rows,
            attention_mask=mask,
            do_sample=True,
            temperature=0.7,
            top_k=0,
            num_return_sequences=SAMPLES,
            max_new_tokens=max(limit for _, limit in batch),
        )[:, width:]
        drawn += _requested(out, [limit for _, limit in batch for _ in range(SAMPLES)], loaded.ends)
    return drawn


def _requested(out: torch.Tensor, limits: list[int], ends: list[int]) -> int:
    """Tokens up to the end token or the sample's own limit."""
    counted = 0
    for row, limit in zip(out.tolist(), limits, strict=True):
        stop = next((i + 1 for i, token in enumerate(row) if token in ends), len(row))
        counted += min(stop, limit)
    return counted


def report(name: str, tokens: int, wall: float, cpu: float, reference: float | None) -> float:
    speed = tokens / cpu
    ratio = "" if reference is None else f"  {speed / reference:5.2f} x generate"
    print(
        f"{name:22} {tokens:7d} tokens {wall:7.2f} s wall {tokens / wall:8.0f}/s {cpu:7.2f} s CPU {speed:8.0f}/s{ratio}"
    )
    return speed


async def measure(model: LocalModel, max_batch: int, calls: list[Work]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        tokens = generate_tokens(model, max_batch, calls)
    reference = report("generate float32", tokens, time.perf_counter() - wall, time.process_time() - cpu, None)
    for dtype in ("float32", "float64"):
        run = await engine_tokens(model, dtype, max_batch, calls)
        wall, cpu = time.perf_counter(), time.process_time()
        tokens = await run()
        report(f"engine {dtype}", tokens, time.perf_counter() - wall, time.process_time() - cpu, reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--max-batch", type=int, default=256)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = LocalModel("given", path=given.model) if given.model else story_sized(Path(folder))
        words = [f"w{i}" for i in range(60)] if given.model is None else _words(given.model)
        asyncio.run(measure(model, given.max_batch, work(given.rows, words)))


def story_sized(folder: Path) -> LocalModel:
    return write_tiny_model(folder, positions=256, hidden=128, layers=4, heads=4, kv_heads=4)


def _words(directory: Path) -> list[str]:
    """Words that are one token each to this model."""
    tokenizer = load(LocalModel("words", path=directory), "float32").tokenizer
    return [word for word in tokenizer.get_vocab() if word.isalpha()][:120]


if __name__ == "__main__":
    main()
