"""A form by itself: one template that a policy has a model fill in, such as score.txt, and the turn that asks for it.

The judge and refine templates, which belong together, are a `TemplateSet`. Knows nothing of the replies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from types import MappingProxyType

from spar.errors import RecipeError
from spar.method.records import Message

JUDGES = frozenset({"prompt", "response"})
WRITES = frozenset({"text"})
PLACEHOLDERS: Mapping[str, tuple[frozenset[str], ...]] = MappingProxyType(
    {
        "score": (JUDGES,),
        "rate": (JUDGES,),
        "compare": (JUDGES | {"first", "second"},),
        "instruct": (WRITES,),
        "augment": (frozenset({"examples", "count"}),),
        "checker": (frozenset({"prompt"}),),
        "meaning": (frozenset({"checker"}),),
        "contradiction": (frozenset({"prompt", "other"}),),
    }
)
"""What a form must have filled in. One of a third party's judges a response or is written for a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptForm:
    """A template with exactly the placeholders of its name. Raises RecipeError for another one or a missing one."""

    name: str
    text: str

    def __post_init__(self) -> None:
        template = Template(self.text)
        if not template.is_valid():
            raise RecipeError(f"The form {self.name!r} has a stray $.", "Write $$ for a dollar sign.")
        wanted = PLACEHOLDERS.get(self.name, (JUDGES, WRITES))
        if set(template.get_identifiers()) not in wanted:
            names = " or ".join(", ".join(f"${name}" for name in sorted(names)) for names in wanted)
            raise RecipeError(
                f"The form {self.name!r} must have {names}, and no other placeholder.", "Correct its file."
            )

    def messages(self, **values: str) -> tuple[Message, ...]:
        """The one user turn that asks for it. Filled in one pass: a `$prompt` inside a response stays as it is."""
        return (Message("user", Template(self.text).substitute(values)),)


def builtin_form(template_set: str, name: str) -> PromptForm | None:
    """A form of one of the sets that come with the project; None if the set has none of this name."""
    return read_form(name, files("spar.method.templates") / template_set)


def read_form(name: str, folder: Traversable) -> PromptForm | None:
    """NAME.txt of a folder, None if it isn't there. The newlines that end it are not part of the text."""
    file = folder / f"{name}.txt"
    if not file.is_file():
        return None
    try:
        return PromptForm(name=name, text=file.read_text(encoding="utf-8").rstrip("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name}.txt cannot be read ({error}).", "Save it as UTF-8.") from error
