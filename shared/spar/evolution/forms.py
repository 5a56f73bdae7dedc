"""The two forms of requests to a teacher, as files: `evolve.txt` and `validate.txt` of a folder.

Builds the conversations; `replies` parses the replies. A literal `$` is written `$$`.
"""

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from spar.errors import RecipeError
from spar.evolution.taxonomy import ConstraintGroup, Taxonomy
from spar.method.records import Message

BUILTIN = ("spar", "compact")
_GROUP = {"main", "title", "asks", "examples"}
_EVOLVE = {"seed", "kinds", "preference", *_GROUP}
_VALIDATE = {"prompt", *_GROUP}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSet:
    """Raises RecipeError for an unknown placeholder, or for a form without the prompt or the constraint."""

    name: str
    evolve: str
    validate: str

    def __post_init__(self) -> None:
        for part, text, known, needed in (
            ("evolve", self.evolve, _EVOLVE, "seed"),
            ("validate", self.validate, _VALIDATE, "prompt"),
        ):
            used = _identifiers(self.name, part, text)
            if used - known:
                raise RecipeError(
                    f"The form {part}.txt of {self.name!r} uses the unknown placeholder ${min(used - known)}.",
                    f"Use {', '.join(f'${word}' for word in sorted(known))}; write $$ for a dollar sign.",
                )
            if needed not in used or not used & _GROUP:
                raise RecipeError(
                    f"The form {part}.txt of {self.name!r} lacks the prompt or the constraint.",
                    f"Add ${needed}, and $title or $main for the constraint.",
                )

    def evolve_messages(self, seed: str, main: ConstraintGroup, taxonomy: Taxonomy) -> tuple[Message, ...]:
        kinds = "\n".join(f"- {group.key}: {group.asks}" for group in taxonomy.groups)
        avoid = ", ".join(taxonomy.avoid_as_extra)
        preference = f"Prefer others than {avoid}." if avoid else ""
        filled = Template(self.evolve).substitute(seed=seed, kinds=kinds, preference=preference, **_placeholders(main))
        return (Message("user", filled),)

    def validate_messages(self, prompt: str, main: ConstraintGroup) -> tuple[Message, ...]:
        return (Message("user", Template(self.validate).substitute(prompt=prompt, **_placeholders(main))),)


def forms_named(name: str) -> FormSet:
    """A built-in set, or the set in a folder. Raises RecipeError."""
    return read_forms(name, files("spar.evolution") / "templates" / name if name in BUILTIN else Path(name))


def read_forms(name: str, folder: Traversable) -> FormSet:
    texts = []
    for file in (folder / "evolve.txt", folder / "validate.txt"):
        try:
            texts.append(file.read_text(encoding="utf-8").rstrip("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"The forms {name!r} have no readable {file.name} ({error}).",
                f"Name {' or '.join(BUILTIN)}, or a folder with evolve.txt and validate.txt, both UTF-8.",
            ) from error
    evolve, validate = texts
    return FormSet(name=name, evolve=evolve, validate=validate)


def _placeholders(main: ConstraintGroup) -> dict[str, str]:
    return {"main": main.key, "title": main.title, "asks": main.asks, "examples": "; ".join(main.examples)}


def _identifiers(name: str, part: str, text: str) -> set[str]:
    template = Template(text)
    if not template.is_valid():
        raise RecipeError(f"The form {part}.txt of {name!r} has a stray $.", "Write $$ for a dollar sign.")
    return set(template.get_identifiers())
