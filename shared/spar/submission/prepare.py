"""Submits a recipe: stores everything that a run needs from this machine, then adds one row to the table `command`.

Invalid prompts, templates and models are found here, before anything starts. The coordinator does the rest.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from spar.data.readers.benchmark_files import read_data_files
from spar.data.readers.conversations import read_conversations
from spar.data.readers.prompts import Reject
from spar.db.tables import Command
from spar.evaluation.general_sets import files_for_run
from spar.messages.commands import SUBMIT, Submission
from spar.method.templates import TemplateSet, builtin_templates, read_templates
from spar.method.templates.matching import OtherForms, other_forms
from spar.recipes.benchmarks import data_keys, planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.init import REFINER, is_given
from spar.recipes.models import Recipe
from spar.recipes.paths import STORED, names_a_file, read_forms
from spar.recipes.resolve import recipe_fingerprint
from spar.runtime.models import refer
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows
from spar.submission.init_inputs import MOST_ROWS, put_init_inputs
from spar.submission.policy_inputs import put_inputs
from spar.submission.prompts import prompts_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A submission that has not been sent yet, and the unusable rows of the prompts file."""

    submission: Submission
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...] = ()
    """What was left out of the file's rows, and given data whose prompts are worded unlike the templates."""


def run_id_of(recipe: Recipe) -> str:
    """The same resolved recipe is the same run: submitting it again resumes it."""
    return f"{recipe.name}-{recipe_fingerprint(recipe)[:8]}"


def prepare(recipe: Recipe, store: ObjectStore) -> Prepared:
    """Store the prompts and templates, fingerprint the models. Raises DataError, ModelUnusable, RecipeError."""
    found = prompts_of(recipe)
    templates: list[TemplateSet] = [_templates(recipe.templates)]
    teacher = recipe.init.teacher.model if recipe.init and recipe.init.teacher else None
    named = [recipe.models.actor, recipe.models.refiner, recipe.models.backward, teacher]
    models = {reference: refer(reference) for reference in named if reference is not None}
    submission = Submission(
        run_id=run_id_of(recipe),
        recipe=_stored(recipe, store),
        models=models,
        templates=put_blob(store, "templates", encode_rows(step="templates", fingerprint="", rows=templates)).key,
        prompts=put_blob(store, "prompts", encode_rows(step="prompts", fingerprint="", rows=found.selfplay)).key,
        inputs={
            **put_inputs(recipe, found.selfplay, found.checkers, store),
            **put_init_inputs(recipe, found.initial, store),
        },
    )
    return Prepared(submission, found.rejects, (*found.notes, *form_notes(recipe, templates[0])))


def _stored(recipe: Recipe, store: ObjectStore) -> dict[str, Any]:
    """The recipe as the run stores it: with benchmark data by the key of their content."""
    kept: dict[str, Any] = json.loads(recipe.model_dump_json())
    for name, settings in planned(recipe.evaluation).items():
        if names_a_file(data_keys(name), settings.data):
            rows = encode_rows(step="benchmark", fingerprint="", rows=read_data_files(Path(settings.data)))
            kept["evaluation"]["benchmarks"][name]["data"] = STORED + put_blob(store, "benchmarks", rows).key
    general = general_of(recipe.evaluation)
    if general is not None and general.data is not None and names_a_file(data_keys(GENERAL), general.data):
        files = files_for_run(general.tasks, Path(general.data))
        rows = encode_rows(step="benchmark", fingerprint="", rows=files)
        kept["evaluation"]["benchmarks"][GENERAL]["data"] = STORED + put_blob(store, "benchmarks", rows).key
    return kept


def submit(submission: Submission, database: Engine) -> None:
    """Durable once this returns. Submitting a known run resumes it."""
    key = f"{SUBMIT}:{submission.run_id}:{uuid.uuid4().hex}"
    with Session(database) as session:
        session.add(Command(key=key, kind=SUBMIT, payload=submission.model_dump(mode="json")))
        session.commit()


def _templates(name_or_folder: str) -> TemplateSet:
    if names_a_file(("templates",), name_or_folder):
        return read_templates(Path(name_or_folder).name, Path(name_or_folder))
    return builtin_templates(name_or_folder)


def form_notes(recipe: Recipe, templates: TemplateSet) -> Iterator[str]:
    """A note for each file of given training data whose prompts are worded unlike the recipe's templates.

    Raises DataError for an invalid row.
    """
    forms = read_forms(recipe)
    if recipe.init is not None and is_given(recipe, REFINER):
        for file in recipe.init.data.refiner:
            found = other_forms(read_conversations(Path(file), MOST_ROWS), templates, forms, all_are_lessons=True)
            yield from _form_note(f"init.data.refiner, {file}", found, templates.name)
    mix = recipe.training.mix
    if mix is not None and names_a_file(("training", "mix"), mix):
        rows = read_conversations(Path(mix), recipe.training.mix_rows)
        yield from _form_note(
            f"training.mix, {mix}", other_forms(rows, templates, forms, all_are_lessons=False), templates.name
        )


def _form_note(where: str, found: OtherForms, templates: str) -> Iterator[str]:
    if not found.differing:
        return
    counted = [
        f"{differing:,} of {rows:,} {what}"
        for differing, rows, what in (
            (found.other_judgments, found.judgments, "judgments"),
            (found.other_refinements, found.refinements, "refinements"),
        )
        if differing
    ]
    yield (
        f"{where}: the prompts of {' and of '.join(counted)} are not worded as in the template set {templates}. The "
        "model is trained on one wording and prompted with another, which may cost accuracy. Set templates: to a "
        "folder with the data's wording (spar fetch spar-templates writes that of the authors' release), or reword the "
        "data's prompts."
    )
