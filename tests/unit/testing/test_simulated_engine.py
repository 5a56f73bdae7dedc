"""The simulated engine: the same call gives the same text, and over some hundred prompts every outcome occurs."""

import asyncio
from collections import Counter

import pytest

from spar.engines.base import LocalModel, Sampling
from spar.errors import DataError, DeadlineExceeded, EngineUnavailable, ModelUnusable
from spar.method.records import Judgment, JudgmentFailure, Message, Node, Prompt, Response, Tree, Verdict
from spar.method.templates import builtin_templates
from spar.recipes.models import EngineSettings, GenerationSettings, SearchSettings
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import SeedScope, Usage
from spar.testing.engine import CONTEXT, SimulatedEngine

SAMPLING = Sampling(temperature=0.9, top_p=1.0, max_tokens=512)
ASKED = (Message("user", "Write about rain."),)
SCOPE = SeedScope(seed=7, iteration=1)


def engine(**settings: float) -> SimulatedEngine:
    return SimulatedEngine(EngineSettings(kind="simulated", **settings))


async def test_sample_i_of_a_call_is_the_sample_of_its_own_seed() -> None:
    model = await engine().serve(LocalModel("a", name="a"))
    together = await model.sample(ASKED, 5, SAMPLING, 100)
    alone = [(await model.sample(ASKED, 1, SAMPLING, 100 + index))[0] for index in range(5)]
    assert together == alone
    assert len({completion.text for completion in together}) > 1


async def test_text_depends_on_model_messages_sampling_and_seed() -> None:
    one, other = [await engine().serve(LocalModel(name, name=name)) for name in "ab"]
    texts = [
        (await model.sample(messages, 1, sampling, seed))[0].text
        for model, messages, sampling, seed in (
            (one, ASKED, SAMPLING, 1),
            (other, ASKED, SAMPLING, 1),
            (one, (Message("user", "Write about snow."),), SAMPLING, 1),
            (one, ASKED, Sampling(temperature=0.8, top_p=1.0, max_tokens=512), 1),
            (one, ASKED, SAMPLING, 2),
        )
    ]
    assert len(set(texts)) == len(texts)


async def test_greedy_replies_do_not_depend_on_the_seed() -> None:
    model = await engine().serve(LocalModel("a", name="a"))
    greedy = Sampling(temperature=0.0, top_p=1.0, max_tokens=512)
    assert await model.sample(ASKED, 1, greedy, 1) == await model.sample(ASKED, 1, greedy, 2)


async def test_a_reply_at_the_limit_is_cut_off() -> None:
    model = await engine().serve(LocalModel("a", name="a"))
    [reply] = await model.sample(ASKED, 1, Sampling(temperature=0.9, top_p=1.0, max_tokens=3), 1)
    assert (reply.finish_reason, reply.completion_tokens, len(reply.text.split())) == ("length", 3, 3)


async def test_what_cannot_be_served_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ModelUnusable):
        await engine().serve(LocalModel("a", path=tmp_path / "absent"))
    model = await engine(latency=0.5, deadline_s=0.01).serve(LocalModel("a", path=tmp_path))
    with pytest.raises(DeadlineExceeded):
        await model.sample(ASKED, 1, SAMPLING, 1)
    with pytest.raises(DataError):
        await model.sample((Message("user", "word " * (CONTEXT + 1)),), 1, SAMPLING, 1)


async def test_closing_ends_calls_in_flight() -> None:
    slow = engine(latency=1.0)
    model = await slow.serve(LocalModel("a", name="a"))
    call = asyncio.create_task(model.sample(ASKED, 1, SAMPLING, 1))
    await asyncio.sleep(0)
    await slow.close()
    with pytest.raises(EngineUnavailable):
        await call
    with pytest.raises(EngineUnavailable):
        await model.sample(ASKED, 1, SAMPLING, 1)


@pytest.mark.parametrize("form", ["spar", "compact"])
async def test_every_outcome_of_the_method_occurs(form: str) -> None:
    ends = await asyncio.gather(*[_end(form, f"Write about {number} things.") for number in range(200)])
    counts = Counter(end if isinstance(end, str) else _tree_end(end) for end in ends)
    assert set(counts) == {"unparsable", "tied", "all_good", "unsolved", "depth 1", "depth 2", "depth 3"}, counts


async def test_the_same_scope_gives_the_same_trees() -> None:
    first, second = [await _end("spar", "Write about 3 things.") for _ in range(2)]
    assert first == second


async def _end(form: str, text: str) -> str | Tree:
    """What a prompt came to, as an iteration would have it."""
    model = await engine().serve(LocalModel("a", name="a"))
    settings, usage, prompt = RefinerSettings(templates=builtin_templates(form)), Usage(), Prompt.of(text)
    refiner = Refiner(chat=model, settings=settings, scope=SCOPE, usage=usage)
    generated = await Actor(chat=model, settings=GenerationSettings(), scope=SCOPE, usage=usage).respond(prompt)
    judged: list[tuple[Response, Judgment]] = []
    for response in generated.responses:
        if response.failure is None:
            judged.append((response, await refiner.judge_response(prompt, response)))
    for response, judgment in judged:
        if judgment.label is Verdict.NO:
            return await refiner.search(
                prompt, Node(path=(), text=response.text, judgment=judgment), policy_of(SearchSettings())
            )
    failures = {judgment.failure for _, judgment in judged}
    if failures == {JudgmentFailure.NO_QUORUM}:
        return "unparsable"
    return "tied" if JudgmentFailure.TIED in failures else "all_good"


def _tree_end(tree: Tree) -> str:
    return f"depth {len(tree.best or ())}" if tree.solved else "unsolved"
