"""The prompts of a run: those of the starting models, then those of self-play; no prompt is in both.

Knows files and the story world; stores nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from spar.data.readers.prompts import Reject, usable_prompts
from spar.errors import DataError
from spar.method.checking import CheckedPrompt
from spar.method.records import Prompt
from spar.recipes.init import init_prompts
from spar.recipes.models import Recipe
from spar.recipes.paths import WORLDS
from spar.recipes.policies import needs_checkers
from spar.submission.world_prompts import world_prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPrompts:
    """Both parts in order, the checkers that a world made, and unusable rows of the files."""

    initial: list[Prompt]
    selfplay: list[Prompt]
    checkers: list[CheckedPrompt] | None
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...] = ()
    """What was left out of the files' rows."""


@dataclass(frozen=True, slots=True)
class _Found:
    prompts: list[Prompt]
    checkers: list[CheckedPrompt] | None
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...] = ()


def prompts_of(recipe: Recipe) -> RunPrompts:
    """Raises DataError if there are too few prompts, or if one is in both parts."""
    first, needed = sum(init_prompts(recipe)), recipe.selfplay_prompts
    source = recipe.init.prompts.source if recipe.init is not None else None
    if source in (None, recipe.prompts.source):
        found = _read(recipe, recipe.prompts.source, first + needed)
        return RunPrompts(
            initial=found.prompts[:first],
            selfplay=found.prompts[first:],
            checkers=found.checkers,
            rejects=found.rejects,
            notes=found.notes,
        )
    initial, found = _read(recipe, str(source), first), _read(recipe, recipe.prompts.source, needed)
    _check_disjoint(initial.prompts, found.prompts)
    rejects, notes = (*initial.rejects, *found.rejects), (*initial.notes, *found.notes)
    return RunPrompts(
        initial=initial.prompts, selfplay=found.prompts, checkers=found.checkers, rejects=rejects, notes=notes
    )


def _read(recipe: Recipe, source: str, needed: int) -> _Found:
    if source in WORLDS:
        made = world_prompts(source, needed, recipe.seed, needs_checkers(recipe))
        return _Found(made.prompts, made.checkers, ())
    read = usable_prompts(Path(source), needed)
    return _Found(
        [Prompt.of(text) for text in read.prompts[:needed]], None, tuple(read.rejects), _named(source, read.notes)
    )


def _named(source: str, notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{source}: {note}" for note in notes)


def _check_disjoint(initial: list[Prompt], selfplay: list[Prompt]) -> None:
    both = {prompt.id for prompt in initial} & {prompt.id for prompt in selfplay}
    if both:
        example = next(prompt.text for prompt in initial if prompt.id in both)
        raise DataError(
            f"{len(both)} prompts are in both init.prompts.source and prompts.source, such as: {example[:80]}",
            "Remove them from one of the files, or leave init.prompts.source out: then one file is split for both.",
        )
