"""The teacher that writes instructions and checkers, as named by options: a server, a model's directory, or `rules`.

Knows no command. `spar prompts evolve` resolves its teacher itself, since it may run on a stack.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import print_warning
from spar.data.readers.prompts import PromptFile, usable_prompts
from spar.engines.base import LocalModel
from spar.errors import RecipeError
from spar.inference.batch.settings import engine_and_model
from spar.inference.endpoints import RequestOptions
from spar.method.templates import BUILTIN
from spar.method.templates.forms import PromptForm, builtin_form, read_form
from spar.recipes.models import EngineSettings

RULES = "rules"

TeacherOption = Annotated[
    str,
    typer.Option(
        help="Base URL of an OpenAI-compatible server, a model's directory, or `rules` (the story world's).",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None, typer.Option(help="The model's name at the server; optional if it serves only one.")
]
TemplatesOption = Annotated[
    str | None, typer.Option(help="spar, compact, or a folder of templates. [default: the teacher's]")
]


def teacher_named(place: str, model: str | None, how: RequestOptions) -> tuple[EngineSettings, LocalModel]:
    if place == RULES and model is None:
        return EngineSettings(kind=RULES), LocalModel(RULES, name=RULES)
    return engine_and_model(place, model, how)


def given_prompts(path: Path) -> PromptFile:
    """The prompts of a file, with a warning for what was left out. Raises DataError if no row has a prompt."""
    read = usable_prompts(path, 1)
    for note in read.notes:
        print_warning(f"{path}: {note}")
    return read


def forms_for(teacher: str, templates: str | None, names: Sequence[str]) -> list[PromptForm]:
    """The named templates of a set; by default, of the set that the teacher understands."""
    name = templates or ("compact" if teacher == RULES else "spar")
    found = [builtin_form(name, each) if name in BUILTIN else read_form(each, Path(name)) for each in names]
    missing = [f"{each}.txt" for each, form in zip(names, found, strict=True) if form is None]
    if missing:
        raise RecipeError(f"{name} has no {' and no '.join(missing)}.", "Add it there.")
    return [form for form in found if form is not None]
