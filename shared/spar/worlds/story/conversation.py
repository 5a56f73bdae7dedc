"""The conversations of the story world, and the recognition of their task from the turns.

The actor's turn is the bare prompt; all others are written with the compact templates, as in the loop. Knows no rules.
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
    """The task of a conversation.

    `form` is "respond", "refine", or the name of a compact template; `values` are those of the template's
    placeholders. Responding has only a `prompt`.
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
    """A single form of the compact templates. Raises RecipeError if the set has none of this name."""
    found = builtin_form(TEMPLATES, name)
    if found is None:
        raise RecipeError(f"The compact templates have no {name}.txt.", "Reinstall the package.")
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
"""The forms that consist of one user turn; each begins with a distinct word."""


def recognise(messages: Sequence[Message]) -> StoryTask | None:
    """The task of a conversation in one of the forms above; None for any other."""
    roles = [message.role for message in messages]
    if roles == ["user"]:
        text = messages[0].content
        found = [task(name, **values) for name in ONE_TURN if (values := _filled_in(name, text)) is not None]
        return found[0] if found else task("respond", prompt=text.strip())
    if roles == ["user", "assistant", "user"] and messages[2].content.strip() == compact().refine:
        judged = _filled_in("judge", messages[0].content)
        return None if judged is None else task("refine", **judged)
    return None


def _filled_in(name: str, text: str) -> dict[str, str] | None:
    """The values of a form's placeholders in a text; None if the text is not the form filled in."""
    found = _pattern(name).fullmatch(text)
    return None if found is None else {key: value.strip() for key, value in found.groupdict().items()}


@cache
def _pattern(name: str) -> re.Pattern[str]:
    """The form as a pattern. Values never contain the form's own words, so the shortest match is correct."""
    marked = Template(re.escape(_text(name)).replace(r"\$", "$"))
    return re.compile(marked.substitute({key: f"(?P<{key}>.*?)" for key in marked.get_identifiers()}), re.DOTALL)


def _text(name: str) -> str:
    return compact().judge if name == "judge" else form(name).text
