"""Prompt templates as files: a set is a judge.txt and a refine.txt with `$prompt` and `$response`.

Builds the conversations that the refiner is prompted with and trained on, from the same text. Knows nothing of the
replies (`verdicts`, `refinements`). A `$` of the text itself is written `$$`.
"""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

from spar.errors import RecipeError
from spar.method.records import Message

BUILTIN = ("spar", "compact")

_PLACEHOLDERS = {"prompt", "response"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSet:
    """The two forms a refiner fills in. Raises RecipeError for a placeholder that isn't known or is missing."""

    name: str
    judge: str
    refine: str

    def __post_init__(self) -> None:
        judged = _check(self.name, "judge", self.judge)
        _check(self.name, "refine", self.refine)
        if judged != _PLACEHOLDERS:
            raise RecipeError(
                f"The judge template of {self.name!r} leaves something out.",
                "Write both $prompt and $response into it.",
            )

    def judge_messages(self, prompt: str, response: str) -> tuple[Message, ...]:
        """The one user turn that asks for a judgment."""
        return (Message("user", _fill(self.judge, prompt, response)),)

    def refine_messages(self, prompt: str, response: str, critique: str) -> tuple[Message, ...]:
        """The three turns that ask for a refinement: the judge prompt, its critique, the instruction."""
        return (
            *self.judge_messages(prompt, response),
            Message("assistant", critique),
            Message("user", _fill(self.refine, prompt, response)),
        )


def builtin_templates(name: str) -> TemplateSet:
    """One of the sets that come with the project."""
    if name not in BUILTIN:
        raise RecipeError(f"There is no template set {name!r}.", f"Choose {' or '.join(BUILTIN)}, or name a folder.")
    return read_templates(name, files(__name__) / name)


def read_templates(name: str, folder: Traversable) -> TemplateSet:
    """The set of any folder (a `pathlib.Path` will do). The newlines that end a file are not part of the text."""
    texts = []
    for file in (folder / "judge.txt", folder / "refine.txt"):
        try:
            texts.append(file.read_text(encoding="utf-8").rstrip("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"Template set {name!r} has no readable {file.name} ({error}).",
                "A set is a folder with judge.txt and refine.txt, both UTF-8.",
            ) from error
    judge, refine = texts
    return TemplateSet(name=name, judge=judge, refine=refine)


def _check(name: str, part: str, text: str) -> set[str]:
    template = Template(text)
    if not template.is_valid():
        raise RecipeError(f"The {part} template of {name!r} has a stray $.", "Write $$ for a dollar sign.")
    used = set(template.get_identifiers())
    if used - _PLACEHOLDERS:
        unknown = ", ".join(sorted(f"${word}" for word in used - _PLACEHOLDERS))
        raise RecipeError(
            f"The {part} template of {name!r} uses {unknown}.",
            "Only $prompt and $response are filled in; write $$ for a dollar sign.",
        )
    return used


def _fill(template: str, prompt: str, response: str) -> str:
    # One pass: a `$prompt` inside the response stays as it is.
    return Template(template).substitute(prompt=prompt, response=response)
