"""The conversations of the story world, and their way back from turns to what they ask.

The actor's turn is the bare prompt; all others are written by the compact templates, the same as in the loop. Knows no
rules.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from string import Template

from spar.errors import RecipeError
from spar.method.records import Message
from spar.method.templates import TemplateSet, builtin_templates
from spar.method.templates.forms import PromptForm, builtin_form

TEMPLATES = "compact"


@dataclass(frozen=True, slots=True)
class StoryTask:
    """What a conversation asks for.

    `form` is "respond", "refine", or the name of a compact template; `values` are what that template's placeholders
    stand for. Responding has only a `prompt`.
    """

    form: str
    values: tuple[tuple[str, str], ...]

    def __getitem__(self, placeholder: str) -> str:
        return dict(self.values)[placeholder]


def task(form: str, **values: str) -> StoryTask:
    return StoryTask(form, tuple(sorted(values.items())))


@cache
def compact() -> TemplateSet:
    return builtin_templates(TEMPLATES)


@cache
def form(name: str) -> PromptForm:
    """A single form of the compact templates. Raises RecipeError where the set has none of this name."""
    found = builtin_form(TEMPLATES, name)
    if found is None:
        raise RecipeError(f"The compact templates have no {name}.txt.", "Install the package whole.")
    return found


def actor_turns(prompt: str) -> tuple[Message, ...]:
    return (Message("user", prompt),)


def judge_turns(prompt: str, response: str) -> tuple[Message, ...]:
    return compact().judge_messages(prompt, response)


def refine_turns(prompt: str, response: str, critique: str) -> tuple[Message, ...]:
    return compact().refine_messages(prompt, response, critique)


def score_turns(prompt: str, response: str) -> tuple[Message, ...]:
    return form("score").messages(prompt=prompt, response=response)


def rate_turns(prompt: str, response: str) -> tuple[Message, ...]:
    return form("rate").messages(prompt=prompt, response=response)


def compare_turns(prompt: str, response: str, first: str, second: str) -> tuple[Message, ...]:
    return form("compare").messages(prompt=prompt, response=response, first=first, second=second)


def instruct_turns(text: str) -> tuple[Message, ...]:
    return form("instruct").messages(text=text)


ONE_TURN = ("judge", "score", "rate", "compare", "instruct", "augment", "checker", "meaning", "contradiction")
"""The forms that one user turn fills in; each one's text begins with a word of its own."""


def recognise(messages: Sequence[Message]) -> StoryTask | None:
    """The task of a conversation in one of the forms above; None if it has none of them."""
    roles = [message.role for message in messages]
    if roles == ["user"]:
        text = messages[0].content
        found = [task(name, **values) for name in ONE_TURN if (values := _filled_in(name, text)) is not None]
        return found[0] if found else task("respond", prompt=text.strip())
    if roles == ["user", "assistant", "user"] and messages[2].content.strip() == compact().refine:
        asked = _filled_in("judge", messages[0].content)
        return None if asked is None else task("refine", **asked)
    return None


def _filled_in(name: str, text: str) -> dict[str, str] | None:
    """What the placeholders of a form stand for in a text; None where the text isn't the form filled in."""
    found = _pattern(name).fullmatch(text)
    return None if found is None else {key: value.strip() for key, value in found.groupdict().items()}


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The form as a pattern. What is filled in never holds the form's own words, so the shortest fit is right."""
    marked = Template(re.escape(_text(name)).replace(r"\$", "$"))
    return re.compile(marked.substitute({key: f"(?P<{key}>.*?)" for key in marked.get_identifiers()}), re.DOTALL)


def _text(name: str) -> str:
    return compact().judge if name == "judge" else form(name).text
