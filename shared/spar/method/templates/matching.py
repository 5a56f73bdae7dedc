"""Whether the prompts of training data have the form of a template: its fixed text, in order, around anything.

A refiner learns from the prompts in its data, and is prompted by the recipe's templates: if the two differ, nothing
fails, but the refiner gets prompts that it was not trained on. Blanks and line breaks do not count as a difference.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import Template

from spar.method.records import Example, Message, ReplyFailure
from spar.method.refinements import parse_refinement
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.method.verdicts import parse_vote

_REFINEMENT_TURNS = 2  # of the user: the judge prompt, and the instruction to refine


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherForms:
    """The number of conversations of each kind, and of those whose prompt has none of the given forms."""

    judgments: int = 0
    other_judgments: int = 0
    refinements: int = 0
    other_refinements: int = 0

    @property
    def differing(self) -> int:
        return self.other_judgments + self.other_refinements


def has_form(template: str, text: str) -> bool:
    """Whether a text is the template with something filled in."""
    first, *inner = _fixed_parts(template)
    left = _in_line(text)
    if not inner:
        return left == first
    *middle, last = inner
    if not left.startswith(first) or not left.endswith(last):
        return False
    at, end = len(first), len(left) - len(last)
    for part in middle:
        found = left.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def other_forms(
    rows: Iterable[Example], templates: TemplateSet, forms: Sequence[PromptForm], all_are_lessons: bool
) -> OtherForms:
    """Count the judgments and refinements among conversations. `forms` are the other ones that a judge is prompted by.

    Where not all rows are lessons for a refiner (`all_are_lessons`), those whose last reply reads as neither are not
    counted: they are responses to prompts.
    """
    judging = [templates.judge, *(form.text for form in forms)]
    counts = Counter[str]()
    for row in rows:
        users = [message.content for message in row.messages if message.role == "user"]
        if not users or not (all_are_lessons or _is_lesson(row.messages, len(users))):
            continue
        known = any(has_form(form, users[0]) for form in judging)
        if len(users) < _REFINEMENT_TURNS:
            counts["judgments"] += 1
            counts["other_judgments"] += not known
        else:
            counts["refinements"] += 1
            counts["other_refinements"] += not (known and has_form(templates.refine, users[-1]))
    return OtherForms(**counts)


def _is_lesson(messages: Sequence[Message], user_turns: int) -> bool:
    reply = messages[-1].content
    if user_turns < _REFINEMENT_TURNS:
        return parse_vote(reply, "stop").verdict is not None
    found = parse_refinement(reply, "stop", "")
    return found.failure is None or found.failure is ReplyFailure.EMPTY


def _fixed_parts(template: str) -> list[str]:
    """The template's text between its places, on one line each."""
    mark = "\0"
    names = Template(template).get_identifiers()
    return [_in_line(part) for part in Template(template).substitute(dict.fromkeys(names, mark)).split(mark)]


def _in_line(text: str) -> str:
    return " ".join(text.split())
