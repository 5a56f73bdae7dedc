"""Decoding on a CPU: the in-process engine beside transformers' continuous batching, in tokens per CPU second.

    OMP_NUM_THREADS=1 python benchmarks/decoders.py [--model DIR] [--prompts 1 8 32 128]

Both draw one sample of each of the story world's prompts, at temperature 0.7, as many tokens as each prompt's own limit
(20 to 50) unless the model ends first. Each decoder has a process of its own, which draws three prompts before it
measures; loading and starting are not counted. Then it says whether the first prompt's sample was the same every time,
alone and among others. Without --model: the story world's actor. Only the ratios within one run mean anything.
"""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from spar.engines.base import LocalModel, Sampling
from spar.engines.decoding.load import load
from spar.engines.transformers import ChatTokens, make
from spar.method.records import Message
from spar.recipes.models import EngineSettings
from spar.worlds.story.builtin import builtin_model
from spar.worlds.story.prompts import generate_prompts

Call = tuple[tuple[Message, ...], int]
Samples = list[tuple[str, int]]
"""The text and the number of tokens of each prompt's sample."""
SEED, TEMPERATURE, MAX_BATCH = 11, 0.7, 256
PAGE = 32
"""Tokens of a page of the library's cache."""


def calls_of(count: int) -> list[Call]:
    rng = random.Random(0)
    texts = generate_prompts(count, seed=0, split="heldout")
    return [((Message("user", text),), rng.randint(20, 50)) for text in texts]


@dataclass(frozen=True)
class Measurement:
    """The samples of each round, and the CPU seconds of all."""

    rounds: list[Samples]
    cpu: float
    peak_mib: float = field(default_factory=lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    @property
    def speed(self) -> float:
        return sum(drawn for samples in self.rounds for _, drawn in samples) / self.cpu


def rounds_of(calls: Sequence[Any]) -> int:
    """Few prompts are drawn several times, so that there is something to measure."""
    return max(1, 32 // len(calls))


class Ours:
    """The engine, behind its own interface."""

    def __init__(self, path: Path, dtype: str) -> None:
        self._model, self._dtype = LocalModel("model", path=path), dtype

    def draw(self, sizes: Sequence[list[Call]]) -> list["Measurement"]:
        return asyncio.run(self._draw(sizes))

    async def _draw(self, sizes: Sequence[list[Call]]) -> list["Measurement"]:
        engine = make(EngineSettings.model_validate({"dtype": self._dtype, "max_batch": MAX_BATCH}))
        chat = await engine.serve(self._model)

        async def sample(some: Sequence[Call]) -> Samples:
            jobs = [chat.sample(messages, 1, _sampling(limit), SEED) for messages, limit in some]
            return [(reply.text, reply.completion_tokens) for [reply] in await asyncio.gather(*jobs)]

        await sample(sizes[-1][:3])
        found = []
        for calls in sizes:
            before = time.process_time()
            rounds = [await sample(calls) for _ in range(rounds_of(calls))]
            found.append(Measurement(rounds, time.process_time() - before))
        await engine.close()
        return found


class Theirs:
    """transformers' ContinuousBatchingManager, its cache sized for the most prompts."""

    def __init__(self, path: Path, dtype: str) -> None:
        from transformers import AutoModelForCausalLM

        loaded = load(LocalModel("model", path=path), dtype)
        self._tokenizer, self._tokens = loaded.tokenizer, ChatTokens(loaded.tokenizer, loaded.positions)
        self._ends = loaded.ends
        self._model = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, attn_implementation="sdpa").eval()

    def draw(self, sizes: Sequence[list[Call]]) -> list["Measurement"]:
        from transformers import ContinuousBatchingConfig, GenerationConfig

        encoded = [[(list(self._tokens.encode(messages)), limit) for messages, limit in calls] for calls in sizes]
        pages = sum((len(ids) + limit) // PAGE + 2 for ids, limit in encoded[-1])
        room: dict[str, Any] = {"page_size": PAGE, "num_blocks": pages, "max_batch_tokens": 2048}
        batching = ContinuousBatchingConfig(**room, max_requests_per_batch=MAX_BATCH, seed=SEED)
        drawing = GenerationConfig(
            do_sample=True, temperature=TEMPERATURE, top_k=0, max_new_tokens=50, eos_token_id=self._ends, pad_token_id=0
        )
        with self._model.continuous_batching_context_manager(
            generation_config=drawing, continuous_batching_config=batching, block=True, timeout=5
        ) as manager:
            self._drawn(manager, encoded[-1][:3], "first")
            found = []
            for calls in encoded:
                before = time.process_time()
                rounds = [self._drawn(manager, calls, f"{len(calls)}-{n}") for n in range(rounds_of(calls))]
                found.append(Measurement(rounds, time.process_time() - before))
        return found

    def _drawn(self, manager: Any, encoded: Sequence[tuple[list[int], int]], name: str) -> Samples:
        torch.manual_seed(SEED)  # its sampling has this generator alone
        for number, (ids, limit) in enumerate(encoded):
            manager.add_request(ids, request_id=f"{name}-{number}", max_new_tokens=limit, eos_token_id=self._ends)
        found: dict[str, list[int]] = {}
        while len(found) < len(encoded):
            result = manager.get_result(timeout=1)
            if result is None:
                if not manager.is_running():
                    raise SystemExit("The continuous batching has ended with requests left.")
            elif result.error is not None:
                raise SystemExit(f"A request failed: {result.error}")
            elif result.is_finished():
                found[result.request_id] = list(result.generated_tokens)
        ids = [found[f"{name}-{number}"] for number in range(len(encoded))]
        return [(self._tokenizer.decode(one, skip_special_tokens=True), len(one)) for one in ids]


def _sampling(limit: int) -> Sampling:
    return Sampling(temperature=TEMPERATURE, top_p=1.0, max_tokens=limit)


def measure(name: str, path: Path, sizes: Sequence[int]) -> list[Measurement]:
    """In this process."""
    torch.set_num_threads(1)
    kind, _, dtype = name.partition(" ")
    every = calls_of(max(sizes))
    return (Ours if kind == "ours" else Theirs)(path, dtype).draw([every[:size] for size in sorted(sizes)])


def measured_apart(name: str, path: Path, sizes: Sequence[int]) -> list[Measurement]:
    """In a process of its own."""
    command = [sys.executable, __file__, "--model", str(path), "--one", name, "--prompts", *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    return [Measurement(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def compare(path: Path, sizes: Sequence[int], decoders: Sequence[str]) -> None:
    reference: list[Measurement] = []
    for name in decoders:
        found = measured_apart(name, path, sizes)
        reference = reference or found
        for size, one, other in zip(sorted(sizes), found, reference, strict=True):
            same = all(samples[0] == found[0].rounds[0][0] for samples in one.rounds)
            print(
                f"{name:14} {size:4} prompts {one.cpu:7.2f} s CPU {one.speed:8.0f} tokens/s"
                f" {one.speed / other.speed:6.2f} x {one.peak_mib:6.0f} MiB at most;"
                f" the first prompt's sample is always the same: {'yes' if same else 'no'}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--prompts", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--decoders", nargs="+", default=["theirs float32", "ours float32", "ours float64"])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    path = given.model or builtin_model("story/actor")
    if given.one is not None:
        print(json.dumps([asdict(each) for each in measure(given.one, path, given.prompts)]))
    else:
        compare(path, given.prompts, given.decoders)


if __name__ == "__main__":
    main()
