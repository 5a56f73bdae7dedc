"""Measures actors and refiners on the story world, whose rules can check every response.

The rules only measure: their verdicts never reach a model or its training data. All items of a measure are requested at
once; the engine batches them. Knows nothing of runs, iterations or files.
"""

from collections.abc import Sequence

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.evaluation.items import Gather, Item, Measure
from spar.method.records import Node, Pair, Prompt, Verdict
from spar.method.templates import TemplateSet
from spar.recipes.models import GenerationSettings, JudgmentSettings, SamplingSettings
from spar.roles.actor import Actor
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import SeedScope, Usage
from spar.worlds.story.rules import follows

# Twice the length of a correct reply in any tokenizer; a longer one has derailed, and counts as cut off.
RESPONSE_TOKENS = 48
JUDGMENT_TOKENS = 192
REFINEMENT_TOKENS = 96
GREEDY_VOTE = JudgmentSettings(votes=1, quorum=1, retries=0, temperature=0.0, max_tokens=JUDGMENT_TOKENS)
GREEDY_REPLY = SamplingSettings(temperature=0.0, max_tokens=REFINEMENT_TOKENS)
EVALUATION_STEP = "evaluate"
"""Seed step of every judgment requested here."""


async def evaluate_actor(  # noqa: PLR0913 - what a measurement depends on, each passed plainly
    chat: ChatModel,
    prompts: Sequence[str],
    temperature: float,
    top_p: float,
    max_tokens: int,
    seed: int,
    usage: Usage,
    gather: Gather = gather,
) -> list[Item]:
    """One response per prompt. Correct: all constraints of the prompt hold, and the reply was not cut off."""
    settings = GenerationSettings(n=1, temperature=temperature, top_p=top_p, max_tokens=max_tokens)
    measure = Measure.ACTOR_SAMPLED if temperature > 0 else Measure.ACTOR_GREEDY
    actor = Actor(chat=chat, settings=settings, scope=SeedScope(seed=seed, iteration=0), usage=usage)

    async def one(text: str) -> Item:
        response = (await actor.respond(Prompt.of(text))).responses[0]
        correct = response.failure is None and follows(text, response.text)
        return Item(measure=measure, prompt=text, reply=response.text, correct=correct, failure=response.failure)

    return await gather(one(text) for text in prompts)


async def evaluate_judge(
    chat: ChatModel,
    items: Sequence[tuple[str, str, bool]],
    templates: TemplateSet,
    seed: int,
    usage: Usage,
    gather: Gather = gather,
) -> list[Item]:
    """One greedy vote per (prompt, response, truth). Correct: the verdict is the truth. Unparsable is wrong."""
    refiner = _greedy_refiner(chat, templates, seed, usage)

    async def one(text: str, given: str, truth: bool) -> Item:
        judgment = await refiner.judge(Prompt.of(text), given, EVALUATION_STEP)
        vote = judgment.votes[0]
        expected = Verdict.YES if truth else Verdict.NO
        return Item(
            measure=Measure.JUDGE,
            prompt=text,
            reply=vote.reply,
            correct=vote.verdict == expected,
            given=given,
            failure=vote.failure,
        )

    return await gather(one(*item) for item in items)


async def evaluate_refine(
    chat: ChatModel,
    items: Sequence[tuple[str, str]],
    templates: TemplateSet,
    seed: int,
    usage: Usage,
    gather: Gather = gather,
) -> list[Item]:
    """One greedy refinement per (prompt, bad response), end to end.

    The critique is the refiner's own greedy vote on the bad response, whatever its verdict, as in a search without a
    teacher. Correct: the refined text follows the prompt by the rules. Wrong: it does not, it repeats the bad response,
    or either reply cannot be read; a bad vote therefore costs accuracy here too.
    """
    refiner = _greedy_refiner(chat, templates, seed, usage)

    async def one(text: str, given: str) -> Item:
        """One refinement of a given response, with the critique of one vote, checked by the world's rules."""
        judgment = await refiner.judge(Prompt.of(text), given, EVALUATION_STEP)
        if judgment.critique is None:
            vote = judgment.votes[0]
            return Item(
                measure=Measure.REFINE, prompt=text, reply=vote.reply, correct=False, given=given, failure=vote.failure
            )
        root = Node(path=(), text=given, judgment=judgment)
        [only] = await refiner.refine(Prompt.of(text), root, n=1, attempt=0)
        correct = only.text is not None and follows(text, only.text)
        return Item(
            measure=Measure.REFINE,
            prompt=text,
            reply=only.reply,
            correct=correct,
            given=given,
            critique=judgment.critique,
            failure=only.failure,
        )

    return await gather(one(*item) for item in items)


def pair_precision(pairs: Sequence[Pair]) -> list[Item]:
    """Per pair, in order. Correct: the chosen response follows its prompt, whatever the refiner's verdict."""
    return [
        Item(
            measure=Measure.PAIR,
            prompt=pair.prompt.text,
            reply=pair.chosen,
            correct=follows(pair.prompt.text, pair.chosen),
            given=pair.rejected,
        )
        for pair in pairs
    ]


def _greedy_refiner(chat: ChatModel, templates: TemplateSet, seed: int, usage: Usage) -> Refiner:
    settings = RefinerSettings(templates=templates, judgment=GREEDY_VOTE, refinement=GREEDY_REPLY)
    return Refiner(chat=chat, settings=settings, scope=SeedScope(seed=seed, iteration=0), usage=usage)
