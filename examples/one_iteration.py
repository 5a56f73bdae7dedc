"""One iteration of SPaR in one file: respond, judge, refine by tree search, select pairs, train the actor with DPO.

    python examples/one_iteration.py [--prompts 24] [--out runs/one_iteration]

The tiny models of the story world run on a CPU in a minute or two; with a model folder of your own, `--actor` and
`--refiner` name it. A run of `spar` does the same through queues, for three iterations, and trains the refiner too
(docs/method.md). Source: arXiv 2412.11605, section 2.
"""

import argparse
import asyncio
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from spar.engines.base import LocalModel
from spar.engines.registry import make_engine
from spar.method.negatives import choose_negative
from spar.method.pairs import refined_pair
from spar.method.records import JudgedPrompt, JudgedResponse, Pair, Prompt
from spar.method.templates import builtin_templates
from spar.recipes.models import DpoSettings, EngineSettings, GenerationSettings, JudgmentSettings, SearchSettings
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import NEGATIVE, SeedScope, Usage
from spar.training.base import TrainJob
from spar.training.registry import make_trainer
from spar.worlds.story.builtin import builtin_model
from spar.worlds.story.prompts import generate_prompts
from spar.worlds.story.rules import follows

SCOPE = SeedScope(seed=0, iteration=1)
TEMPLATES = builtin_templates("compact")  # short forms for tiny models; "spar" has the paper's
GENERATION = GenerationSettings(n=5, temperature=0.9, top_p=0.9, max_tokens=16)
JUDGMENT = JudgmentSettings(votes=5, temperature=0.7, max_tokens=96)
SEARCH = SearchSettings(policy="bfs", branch=3, beam_width=2, depth=3, temperature=0.7, max_tokens=48)
REFINER = RefinerSettings.for_search(templates=TEMPLATES, judgment=JUDGMENT, search=SEARCH)
DPO = DpoSettings(learning_rate=2e-4, schedule="linear", batch_size=8, max_length=256, dtype="float32", threads=1)


async def respond_and_judge(actor: Actor, refiner: Refiner, prompt: Prompt) -> JudgedPrompt:
    """The actor draws five responses; the refiner gives each of them five votes."""
    generated = await actor.respond(prompt)
    judged = [
        JudgedResponse(response, await refiner.judge_response(prompt, response))
        for response in generated.responses
        if response.failure is None
    ]
    return JudgedPrompt(prompt, tuple(judged))


async def make_pair(actor: Actor, refiner: Refiner, prompt: Prompt) -> Pair | str:
    """A pair, or the outcome with which the prompt ends: all_good, tied, unsolved, ..."""
    judged = await respond_and_judge(actor, refiner, prompt)
    negative = choose_negative(judged, SCOPE.derive(prompt, NEGATIVE))
    if not isinstance(negative, JudgedResponse):
        return negative.value
    pair = refined_pair(await refiner.search(prompt, negative, policy_of(SEARCH)))
    return pair if isinstance(pair, Pair) else pair.value


async def collect_pairs(args: argparse.Namespace) -> list[Pair]:
    engine = make_engine(EngineSettings(kind="transformers", dtype="float64"))
    usage = Usage()
    try:
        served = await engine.serve(LocalModel("actor", path=args.actor))
        actor = Actor(chat=served, settings=GENERATION, scope=SCOPE, usage=usage)
        served = await engine.serve(LocalModel("refiner", path=args.refiner))
        refiner = Refiner(chat=served, settings=REFINER, scope=SCOPE, usage=usage)
        prompts = [Prompt.of(text) for text in generate_prompts(args.prompts, seed=0, split="train")]
        # All at once: the engine batches whatever the searches wait for.
        results = await asyncio.gather(*(make_pair(actor, refiner, prompt) for prompt in prompts))
    finally:
        await engine.close()
    pairs = [result for result in results if isinstance(result, Pair)]
    outcomes = Counter(result for result in results if isinstance(result, str))
    others = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{len(prompts)} prompts: {len(pairs)} pairs, {others or 'nothing else'}; {usage.calls} model calls")
    right = sum(follows(pair.prompt.text, pair.chosen) for pair in pairs)
    print(f"chosen responses that follow their prompt by the world's rules: {right} of {len(pairs)}")
    for pair in pairs[:1]:
        print(f"  prompt:   {pair.prompt.text}\n  rejected: {pair.rejected}\n  chosen:   {pair.chosen}")
    return pairs


async def train_actor(args: argparse.Namespace, pairs: list[Pair]) -> None:
    rows = args.out / "pairs.jsonl"
    rows.write_text("".join(json.dumps(asdict(pair)) + "\n" for pair in pairs), encoding="utf-8")
    job = TrainJob(
        base=args.actor, rows=rows, settings=DPO, seed=0, output=args.out / "actor", work=args.out / "checkpoints"
    )
    outcome = await make_trainer("trl").train(job, lambda progress: None)
    print(f"DPO: {outcome.samples} pairs in {outcome.steps} steps, mean loss {outcome.loss:.3f}; model: {job.output}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=24)
    parser.add_argument("--actor", type=Path, default=builtin_model("story/actor"))
    parser.add_argument("--refiner", type=Path, default=builtin_model("story/refiner"))
    parser.add_argument("--out", type=Path, default=Path("runs/one_iteration"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pairs = asyncio.run(collect_pairs(args))
    if not pairs:
        raise SystemExit("No prompt gave a pair: nothing to train on. Raise --prompts.")
    asyncio.run(train_actor(args, pairs))


if __name__ == "__main__":
    main()
