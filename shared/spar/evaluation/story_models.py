"""Measures one model of the story world as an actor, as a refiner, or as one that has every skill.

Greedy replies to held-out items, checked by the world's rules, through the engine and the suite that runs use too.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from spar.aio import gather
from spar.engines.base import ChatModel, LocalModel, Sampling
from spar.engines.registry import make_engine
from spar.evaluation.statistics import Proportion
from spar.evaluation.story import JUDGMENT_TOKENS
from spar.evaluation.suites import HELD_OUT, run_suite
from spar.method.templates import builtin_templates
from spar.recipes.models import EngineSettings, EvaluationSettings
from spar.store.models import folder_fingerprint
from spar.worlds.story.questions import questions
from spar.worlds.story.stages import Part


async def measured_rates(folder: Path, parts: Sequence[Part], items: int) -> Mapping[str, Proportion]:
    """Each measure's share of right replies, over `items` held-out items a measure. Loads the model in `folder`."""
    engine = make_engine(EngineSettings(kind="transformers"))
    settings = EvaluationSettings(actor_prompts=items, judge_items=items, refine_items=items)
    rates: dict[str, Proportion] = {}
    try:
        chat = await engine.serve(LocalModel(folder_fingerprint(folder), path=folder))
        for part in parts:
            if part == "skills":
                rates |= await _measure_skills(chat, items, settings.seed)
                continue
            result = await run_suite(part, chat, settings, builtin_templates("compact"), settings.seed)
            for name in dict.fromkeys(row.measure for row in result.rows):
                rates[name.value] = Proportion.of([row.correct for row in result.rows if row.measure == name])
    finally:
        await engine.close()
    return rates


async def _measure_skills(chat: ChatModel, items: int, seed: int) -> Mapping[str, Proportion]:
    """The skills of one model that has to do everything: a greedy reply to each question of the world."""
    greedy = Sampling(temperature=0.0, top_p=1.0, max_tokens=JUDGMENT_TOKENS)
    held_out = list(questions(items, seed, HELD_OUT))
    replies = await gather(chat.sample(question.turns, 1, greedy, seed) for question in held_out)
    right: dict[str, list[bool]] = {}
    for question, (completion,) in zip(held_out, replies, strict=True):
        right.setdefault(question.measure, []).append(question.right(completion.text))
    return {measure: Proportion.of(found) for measure, found in right.items()}
