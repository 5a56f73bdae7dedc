"""Measures one model of the story world as an actor, as a refiner, or as one that has every skill.

Greedy replies to held-out items, checked by the world's rules. Engines are loaded only when a model is measured.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spar.engines.base import ChatModel
    from spar.worlds.story.stages import Part

Figures = dict[str, str]


async def measured_rates(folder: Path, parts: "tuple[Part, ...]", items: int) -> Figures:
    """Each measure's rate with its 95% interval, from the engine and the suite that runs use too."""
    from spar.engines.base import LocalModel
    from spar.engines.registry import make_engine
    from spar.evaluation.suites import run_suite
    from spar.method.templates import builtin_templates
    from spar.recipes.models import EngineSettings, EvaluationSettings
    from spar.store.models import folder_fingerprint

    engine = make_engine(EngineSettings(kind="transformers"))
    settings = EvaluationSettings(actor_prompts=items, judge_items=items, refine_items=items)
    figures: Figures = {}
    try:
        chat = await engine.serve(LocalModel(folder_fingerprint(folder), path=folder))
        for part in parts:
            if part == "skills":
                figures |= await _measure_skills(chat, items, settings.seed)
                continue
            result = await run_suite(part, chat, settings, builtin_templates("compact"), settings.seed)
            for name in dict.fromkeys(row.measure for row in result.rows):
                figures[name.value] = _rate([row.correct for row in result.rows if row.measure == name])
    finally:
        await engine.close()
    return figures


async def _measure_skills(chat: "ChatModel", items: int, seed: int) -> Figures:
    """The skills of one model that has to do everything: a greedy reply to each question of the world."""
    from spar.aio import gather
    from spar.engines.base import Sampling
    from spar.evaluation.story import JUDGMENT_TOKENS
    from spar.evaluation.suites import HELD_OUT
    from spar.worlds.story.questions import questions

    greedy = Sampling(temperature=0.0, top_p=1.0, max_tokens=JUDGMENT_TOKENS)
    asked = list(questions(items, seed, HELD_OUT))
    replies = await gather(chat.sample(question.turns, 1, greedy, seed) for question in asked)
    right: dict[str, list[bool]] = {}
    for question, (completion,) in zip(asked, replies, strict=True):
        right.setdefault(question.measure, []).append(question.right(completion.text))
    return {measure: _rate(found) for measure, found in right.items()}


def _rate(correct: list[bool]) -> str:
    """The share that is right with its 95% interval."""
    from spar.evaluation.statistics import Proportion

    rate = Proportion.of(correct)
    low, high = rate.interval
    return f"{rate.rate:.3f} ({low:.3f} to {high:.3f}, {rate.total} items)"
