"""The three conversations of the story world, as the compact templates write them, and their way back.

The actor's turn is the bare prompt; the judge's is one user turn; the refiner's are that turn, its critique,
and the refine instruction. Knows no rules.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template

from spar.method.records import Message


@dataclass(frozen=True, slots=True)
class Task:
    """What a conversation asks for: a response (`response` None), a judgment, or a refinement (`refines`)."""

    prompt: str
    response: str | None = None
    refines: bool = False


@cache
def _template(name: str) -> str:
    return files("spar.method").joinpath(f"templates/compact/{name}.txt").read_text(encoding="utf-8").strip()


def actor_turns(prompt: str) -> list[Message]:
    return [Message("user", prompt)]


def judge_turns(prompt: str, response: str) -> list[Message]:
    text = Template(_template("judge")).substitute(prompt=prompt, response=response)
    return [Message("user", text)]


def refine_turns(prompt: str, response: str, critique: str) -> list[Message]:
    return [
        *judge_turns(prompt, response),
        Message("assistant", critique),
        Message("user", _template("refine")),
    ]


def recognise(messages: list[Message]) -> Task | None:
    """The task of a conversation in one of the three forms; None if it has none of them."""
    roles = [m.role for m in messages]
    if roles not in (["user"], ["user", "assistant", "user"]):
        return None
    refines = len(messages) == 3
    if refines and messages[-1].content.strip() != _template("refine"):
        return None
    asked = _judged(messages[0].content.strip())
    if asked is not None:
        return Task(*asked, refines=refines)
    return None if refines else Task(messages[0].content.strip())


def _judged(text: str) -> tuple[str, str] | None:
    """The prompt and response that a judge turn holds. Neither holds the words that join them here."""
    head, rest = _template("judge").split("$prompt")
    joint = rest.partition("$response")[0]
    if not text.startswith(head.lstrip()) or joint not in text:
        return None
    prompt, _, response = text.removeprefix(head).partition(joint)
    return prompt, response
