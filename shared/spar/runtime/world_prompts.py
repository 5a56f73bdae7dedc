"""The prompts that a world makes for a run: plain ones, bare texts, or prompts with checkers to be trusted.

The checkers of `world:instructions` come with its prompts. On the story world the rules teacher writes checkers and
cases, some of them wrong on purpose; which of them survive, AutoIF's preparation decides by running them
(arXiv 2406.13542, section 3.1). Knows nothing of stores.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from spar.errors import DataError
from spar.method.checking import LEAST_CASES, LEAST_CHECKERS, Case, CheckedPrompt
from spar.method.records import Prompt
from spar.recipes.paths import INSTRUCTIONS
from spar.runtime.trial import trusted_sources
from spar.worlds.instructions import checkable_prompts
from spar.worlds.story import checkers as teacher
from spar.worlds.story.instructing import unlabelled_texts
from spar.worlds.story.prompts import generate_prompts

CHECKERS, CASES = LEAST_CHECKERS, LEAST_CASES  # of each prompt
WRONG = 0.1  # how often the teacher's checker, or one of its sets of cases, is wrong
TOGETHER = 64  # prompts whose checkers share a process
MORE_THAN_NEEDED = 1.2  # prompts that are prepared for each that is wanted; few are dropped


@dataclass(frozen=True, slots=True)
class WorldPrompts:
    """The run's prompts, in order. With checkers, `dropped` counts the prompts that were left without one."""

    prompts: list[Prompt]
    checkers: list[CheckedPrompt] | None = None
    dropped: int = 0


def world_prompts(source: str, needed: int, seed: int, with_checkers: bool) -> WorldPrompts:
    if source == INSTRUCTIONS:
        return _checkable(needed, seed)
    if source == "world:story-texts":
        return WorldPrompts([Prompt.of(text) for text in unlabelled_texts(needed, seed, "selfplay")])
    if not with_checkers:
        return WorldPrompts([Prompt.of(text) for text in generate_prompts(needed, seed, "selfplay")])
    return asyncio.run(_with_checkers(needed, seed))


def _checkable(needed: int, seed: int) -> WorldPrompts:
    made = checkable_prompts(needed, seed)
    prompts = [Prompt.of(one.text) for one in made]
    checkers = [CheckedPrompt(prompt.id, one.checkers) for prompt, one in zip(prompts, made, strict=True)]
    return WorldPrompts(prompts, checkers)


async def _with_checkers(needed: int, seed: int) -> WorldPrompts:
    texts = generate_prompts(int(needed * MORE_THAN_NEEDED) + 10, seed, "selfplay")
    kept: list[CheckedPrompt] = []
    prompts: list[Prompt] = []
    done = 0
    for start in range(0, len(texts), TOGETHER):
        for text, sources in await _checked(texts[start : start + TOGETHER], seed):
            if len(prompts) < needed:
                done += 1
                if sources:
                    prompts.append(Prompt.of(text))
                    kept.append(CheckedPrompt(prompts[-1].id, sources))
        if len(prompts) == needed:
            return WorldPrompts(prompts, kept, done - needed)
    raise DataError(
        f"Only {len(prompts)} of {len(texts)} prompts got a checker that can be trusted; the run needs {needed}.",
        "Lower prompts.per_iteration or iterations, or give a prompts file with checkers.",
    )


async def _checked(texts: Sequence[str], seed: int) -> list[tuple[str, tuple[str, ...]]]:
    """Each prompt with the checkers that survive: right on the cases, and asking for nothing that the prompt bans."""
    written = [_write(text, random.Random(f"story-checkers:{seed}:{text}")) for text in texts]
    kept = await trusted_sources(written)
    return [
        (text, tuple(source for source in sources if _means(text, source)))
        for text, sources in zip(texts, kept, strict=True)
    ]


def _write(text: str, rng: random.Random) -> tuple[list[str], list[Case]]:
    sources = [
        teacher.wrong_checker(text, rng) if rng.random() < WRONG else teacher.checker(text) for _ in range(CHECKERS)
    ]
    make = teacher.wrong_cases if rng.random() < WRONG else teacher.right_cases
    return sources, [Case(response, follows) for response, follows in make(text, rng, CASES)]


def _means(text: str, source: str) -> bool:
    """Back-translation: what the checker asks for must not contradict the prompt."""
    back = teacher.back_translate(source)
    return back is not None and not teacher.contradicts(text, back)
