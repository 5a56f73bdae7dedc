"""What a recipe's policies read besides prompts and templates, stored before a run starts: forms, checkers, mixed data.

Knows where each comes from, a file or the story world; what is done with it, the policies know.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spar.data.readers.checkers import read_checkers
from spar.data.readers.conversations import mixed, read_conversations
from spar.data.readers.verifiable_prompts import read_ruled_prompts
from spar.method.checking import CheckedPrompt
from spar.method.records import Example, Message, Prompt
from spar.recipes.models import Recipe
from spar.recipes.paths import INIT_SET, names_a_file, read_forms
from spar.recipes.policies import needs_checkers, writes_prompts
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows
from spar.submission.evaluation_prompts import measured_prompts
from spar.worlds.story.prompts import generate_prompts
from spar.worlds.story.skills import skill_data
from spar.worlds.story.teacher import respond

SELF_SKILLS = ("judge", "refine")
"""The meta-skills of SELF (arXiv 2310.00533): feedback and refinement."""


def put_inputs(
    recipe: Recipe, prompts: Sequence[Prompt], checkers: Sequence[CheckedPrompt] | None, store: ObjectStore
) -> dict[str, str]:
    """Store them; returns their keys by name. `checkers` are those that came with a world's prompts.

    Raises DataError, RecipeError.
    """
    inputs = {f"form:{form.name}": _put(store, "forms", [form]) for form in read_forms(recipe)}
    if needs_checkers(recipe):
        found = checkers if checkers is not None else read_checkers(Path(recipe.prompts.source), prompts)
        inputs["checkers"] = _put(store, "checkers", found)
    if recipe.evaluation is not None and (writes_prompts(recipe) or recipe.guards.contaminated != "off"):
        inputs["evaluated"] = _put(store, "measured", measured_prompts(recipe.evaluation))
        if writes_prompts(recipe):  # a selection leaves out what a model wrote and the evaluation uses
            inputs["measured"] = inputs["evaluated"]
    if recipe.training.mix not in (None, INIT_SET):  # that is made by the run itself
        inputs["mix"] = _put(store, "mixed", _mix(recipe, str(recipe.training.mix)))
    if recipe.judge_audit is not None:
        rules = recipe.judge_audit.rules or recipe.prompts.source
        if names_a_file(("judge_audit", "rules"), rules):
            inputs["rules"] = _put(store, "rules", read_ruled_prompts(Path(rules)))
    return inputs


def _put(store: ObjectStore, name: str, rows: Sequence[Any]) -> str:
    return put_blob(store, name, encode_rows(step=name, fingerprint="", rows=rows)).key


def _mix(recipe: Recipe, source: str) -> list[Example]:
    rows = recipe.training.mix_rows
    if names_a_file(("training", "mix"), source):
        return read_conversations(Path(source), rows)
    if source == "world:story-seed":
        return _seed_data(rows, recipe.seed)
    skills = [list(skill_data(skill, -(-rows // len(SELF_SKILLS)), recipe.seed)) for skill in SELF_SKILLS]
    return [mixed(tuple(messages)) for by_turns in zip(*skills, strict=True) for messages in by_turns][:rows]


def _seed_data(rows: int, seed: int) -> list[Example]:
    """Prompts with responses that follow them, as a person would write a few (Humpback, arXiv 2308.06259)."""
    rng = random.Random(f"story-seed-data:{seed}")
    prompts = generate_prompts(rows, seed, "train")
    return [mixed((Message("user", prompt), Message("assistant", respond(prompt, rng)))) for prompt in prompts]
