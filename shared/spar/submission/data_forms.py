"""Given training data whose prompts are worded otherwise than the recipe's templates, reported before a run starts.

Knows which files of a recipe hold judgments and refinements; how a form is recognised, `spar.method` does.
"""

from collections.abc import Iterator
from pathlib import Path

from spar.data.readers.conversations import read_conversations
from spar.method.templates import TemplateSet
from spar.method.templates.matching import OtherForms, other_forms
from spar.recipes.init import REFINER, is_given
from spar.recipes.models import Recipe
from spar.recipes.paths import names_a_file, read_forms
from spar.submission.init_inputs import MOST_ROWS


def form_notes(recipe: Recipe, templates: TemplateSet) -> tuple[str, ...]:
    """One note for each file with such rows. Raises DataError for a broken row."""
    return tuple(_notes(recipe, templates))


def _notes(recipe: Recipe, templates: TemplateSet) -> Iterator[str]:
    forms = read_forms(recipe)
    if recipe.init is not None and is_given(recipe, REFINER):
        for file in recipe.init.data.refiner:
            found = other_forms(read_conversations(Path(file), MOST_ROWS), templates, forms, all_are_lessons=True)
            yield from _note(f"init.data.refiner, {file}", found, templates.name)
    mix = recipe.training.mix
    if mix is not None and names_a_file(("training", "mix"), mix):
        rows = read_conversations(Path(mix), recipe.training.mix_rows)
        yield from _note(
            f"training.mix, {mix}", other_forms(rows, templates, forms, all_are_lessons=False), templates.name
        )


def _note(where: str, found: OtherForms, templates: str) -> Iterator[str]:
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
        f"{where}: the prompts of {' and of '.join(counted)} are not worded as the template set {templates}. The model "
        "learns from those words and is prompted in the set's, which may cost it accuracy. Set templates: to a folder "
        "with the data's own wording (spar fetch spar-templates writes that of the authors' release), or write the "
        "data's prompts anew in the set's words."
    )
