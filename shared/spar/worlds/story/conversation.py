"""The three conversations of the story world, and their way back from turns to what they ask.

The actor's turn is the bare prompt; the judge's and the refiner's are written by the compact templates, the same as
in the loop. Knows no rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from spar.method.records import Message
from spar.method.templates import TemplateSet, builtin_templates


@dataclass(frozen=True, slots=True)
class Task:
    """What a conversation asks for: a response (`response` is None), a judgment, or a refinement (`refines`)."""

    prompt: str
    response: str | None = None
    refines: bool = False


@cache
def compact() -> TemplateSet:
    return builtin_templates("compact")


def actor_turns(prompt: str) -> tuple[Message, ...]:
    return (Message("user", prompt),)


def judge_turns(prompt: str, response: str) -> tuple[Message, ...]:
    return compact().judge_messages(prompt, response)


def refine_turns(prompt: str, response: str, critique: str) -> tuple[Message, ...]:
    return compact().refine_messages(prompt, response, critique)


def recognise(messages: Sequence[Message]) -> Task | None:
    """The task of a conversation in one of the three forms; None if it has none of them."""
    roles = [message.role for message in messages]
    if roles == ["user"]:
        asked = _judged(messages[0].content)
        return Task(messages[0].content.strip()) if asked is None else Task(*asked)
    if roles == ["user", "assistant", "user"] and messages[2].content.strip() == compact().refine:
        asked = _judged(messages[0].content)
        return None if asked is None else Task(*asked, refines=True)
    return None


def _judged(text: str) -> tuple[str, str] | None:
    """The prompt and the response of a judge turn; neither ever holds the template's own words."""
    head, rest = compact().judge.split("$prompt")
    joint = rest.removesuffix("$response")
    if not text.startswith(head) or joint not in text:
        return None
    prompt, _, response = text.removeprefix(head).partition(joint)
    return prompt.strip(), response.strip()
