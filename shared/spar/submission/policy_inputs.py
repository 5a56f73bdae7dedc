"""The inputs of a recipe's policies besides prompts and templates, stored before a run starts: forms, checkers, mixed
data, and the prompts of its evaluations.

Knows where each comes from, a file or the story world; the policies decide how to use it.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spar.data.evaluation_sets import evaluation_files, evaluation_prompts
from spar.data.readers.conversations import mixed, read_conversations
from spar.data.readers.verifiable_prompts import read_ruled_prompts
from spar.errors import DataError
from spar.evaluation.general_sets import files_for_run, questions_in
from spar.evaluation.suites import prompts_of_suite
from spar.method.checking import CheckedPrompt
from spar.method.records import Example, Message, Prompt
from spar.recipes.benchmarks import data_keys, planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.models import EvaluationPlan, Recipe
from spar.recipes.paths import INIT_SET, names_a_file, read_forms
from spar.recipes.policies import needs_checkers, writes_prompts
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows
from spar.worlds.story.prompts import generate_prompts
from spar.worlds.story.skills import skill_data
from spar.worlds.story.teacher import respond

SELF_SKILLS = ("judge", "refine")
"""The meta-skills of SELF (arXiv 2310.00533): feedback and refinement."""


def put_inputs(
    recipe: Recipe, prompts: Sequence[Prompt], checkers: Sequence[CheckedPrompt] | None, store: ObjectStore
) -> dict[str, str]:
    """Store them; returns their keys by name. `checkers`: those that a world made with its prompts.

    Raises DataError, RecipeError.
    """
    inputs = {f"form:{form.name}": _put(store, "forms", [form]) for form in read_forms(recipe)}
    if needs_checkers(recipe):
        found = checkers if checkers is not None else read_checkers(Path(recipe.prompts.source), prompts)
        inputs["checkers"] = _put(store, "checkers", found)
    if recipe.evaluation is not None and (writes_prompts(recipe) or recipe.guards.contaminated != "off"):
        inputs["evaluated"] = _put(store, "measured", prompts_to_exclude(recipe.evaluation))
        if writes_prompts(recipe):  # a selection excludes what a model wrote and an evaluation uses
            inputs["measured"] = inputs["evaluated"]
    if recipe.training.mix not in (None, INIT_SET):  # the run makes that itself
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
    """Prompts with correct responses, in place of the few that a person would write (Humpback, arXiv 2308.06259)."""
    rng = random.Random(f"story-seed-data:{seed}")
    prompts = generate_prompts(rows, seed, "train")
    return [mixed((Message("user", prompt), Message("assistant", respond(prompt, rng)))) for prompt in prompts]


def read_checkers(path: Path, prompts: Sequence[Prompt]) -> list[CheckedPrompt]:
    """The checkers of the given prompts, in order. Raises DataError naming a prompt without any.

    The rows are {"prompt": "...", "checkers": ["def evaluate(response): ..."]}. Runs no checker.
    """
    found: dict[str, tuple[str, ...]] = {}
    with path.open("rb") as lines:
        for line in lines:
            text, checkers = _checkers_of(line)
            if checkers:
                found.setdefault(text, checkers)
    missing = [prompt.text for prompt in prompts if prompt.text not in found]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} prompts have no checkers, the first is {missing[0][:80]!r}.",
            'Give each row "checkers": a list of Python sources with a function evaluate(response).',
        )
    return [CheckedPrompt(prompt.id, found[prompt.text]) for prompt in prompts]


def _checkers_of(line: bytes) -> tuple[str, tuple[str, ...]]:
    """A row's prompt and checkers, empty if it has none; invalid rows are reported by `spar.data.readers.prompts`."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "", ()
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        return "", ()
    checkers = row.get("checkers")
    if not isinstance(checkers, list) or not all(isinstance(source, str) and source.strip() for source in checkers):
        return row["prompt"], ()
    return row["prompt"], tuple(checkers)


def prompts_to_exclude(evaluation: EvaluationPlan) -> list[Prompt]:
    """The prompts of a recipe's evaluations, which must not be trained on: the suite's, then the benchmarks'.

    Each once, for exact matches; `spar prompts import --decontaminate` also finds near ones, before a run. Raises
    DataError for a row without a prompt.
    """
    files = [
        settings.data for name, settings in planned(evaluation).items() if names_a_file(data_keys(name), settings.data)
    ]
    written = (text for _, text in evaluation_prompts(evaluation_files(tuple(files))))
    texts = [*prompts_of_suite(evaluation), *written, *_general_questions(evaluation)]
    return [Prompt.of(text) for text in dict.fromkeys(texts)]


def _general_questions(evaluation: EvaluationPlan) -> list[str]:
    """The questions in the files given to lm-eval; those that it downloads itself are unknown here."""
    settings = general_of(evaluation)
    if settings is None or settings.data is None or not names_a_file(data_keys(GENERAL), settings.data):
        return []
    return questions_in(files_for_run(settings.tasks, Path(settings.data)))
