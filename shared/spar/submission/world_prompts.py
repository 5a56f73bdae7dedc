"""The prompts that a world makes for a run: plain ones, bare texts, or prompts with reliable checkers.

The checkers of `world:instructions` come with its prompts. On the story world AutoIF's data preparation makes both, by
the same steps as with any teacher (arXiv 2406.13542, section 3.1): the rules teacher writes instructions from a list of
seeds, then checkers with test cases, some of them wrong on purpose. Knows nothing of stores.
"""

import asyncio
from dataclasses import dataclass

from spar.engines.base import Sampling
from spar.errors import DataError, RecipeError
from spar.method.checking import CheckedPrompt
from spar.method.records import Prompt
from spar.method.templates.forms import PromptForm, builtin_form
from spar.recipes.paths import INSTRUCTIONS
from spar.roles.checker_writer import CheckerForms, Teacher
from spar.roles.instruction_writer import InstructionTeacher
from spar.roles.usage import SeedScope, Usage
from spar.roles.verified_checkers import CheckerStatus, write_checkers
from spar.roles.verified_instructions import write_instructions
from spar.worlds.instructions import checkable_prompts
from spar.worlds.story.engine import ErrorRates, RulesModel
from spar.worlds.story.instructing import unlabelled_texts
from spar.worlds.story.prompts import generate_prompts

SEEDS, SAMPLES = 36, 8  # seed instructions; checkers requested for each (AutoIF's released code)
MOST_FOR_ONE = 3  # instructions written for each one needed; more than half are kept
_SAMPLING = Sampling(temperature=0.7, top_p=1.0, max_tokens=4096)


@dataclass(frozen=True, slots=True)
class WorldPrompts:
    """The run's prompts, in order. With checkers, `dropped` counts the instructions without a reliable one."""

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
    chat = RulesModel(ErrorRates())
    usage, scope = Usage(), SeedScope(seed=seed, iteration=0)
    writer = InstructionTeacher(chat, _SAMPLING, _form("augment"), scope, usage)
    forms = CheckerForms(checker=_form("checker"), meaning=_form("meaning"), contradiction=_form("contradiction"))
    teacher = Teacher(chat, _SAMPLING, forms, scope, usage)
    seeds = generate_prompts(SEEDS, seed, "train")
    prompts: list[Prompt] = []
    kept: list[CheckedPrompt] = []
    dropped = 0
    async for written in write_instructions(writer, seeds, set(seeds), needed * MOST_FOR_ONE):
        batch = [Prompt.of(text) for text in written.new]
        for prompt, outcome in zip(batch, await write_checkers(teacher, batch, SAMPLES), strict=True):
            if len(prompts) == needed:
                break
            if outcome.end is CheckerStatus.KEPT:
                prompts.append(prompt)
                kept.append(CheckedPrompt(prompt.id, outcome.sources))
            else:
                dropped += 1
        if len(prompts) == needed:
            return WorldPrompts(prompts, kept, dropped)
    raise DataError(
        f"{len(prompts)} instructions have reliable checkers and {dropped} have not; the run needs {needed}.",
        "Lower prompts.per_iteration or iterations, or give a prompts file with checkers.",
    )


def _form(name: str) -> PromptForm:
    """One of the compact templates, which the rules teacher understands."""
    found = builtin_form("compact", name)
    if found is None:
        raise RecipeError(f"The compact templates have no {name}.txt.", "Reinstall the package.")
    return found
