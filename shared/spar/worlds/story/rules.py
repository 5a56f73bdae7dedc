"""The rules of the story world: a prompt's constraints, and their violations by a response.

They teach the starting models and measure all models; the training loop itself never sees them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spar.errors import DataError
from spar.worlds.story.prompts import KINDS, WORD_COUNTS
from spar.worlds.story.words import MARKS, TOPIC_OF

FORM = "form"
"""The violation by a response that is empty or has a token that is neither a content word nor a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    kind: str  # one of KINDS
    argument: str  # a content word, a number, or "!"

    def __str__(self) -> str:
        return f"{self.kind} {self.argument}"


@dataclass(frozen=True, slots=True)
class StoryPrompt:
    """A prompt's constraints: each kind at most once, with distinct words, so that it can always be followed."""

    constraints: tuple[Constraint, ...]

    def get(self, kind: str) -> str | None:
        """The argument of that kind's constraint, or None."""
        return next((c.argument for c in self.constraints if c.kind == kind), None)

    def words(self) -> frozenset[str]:
        """All content words that the prompt names."""
        return frozenset(c.argument for c in self.constraints if c.argument in TOPIC_OF)

    def __str__(self) -> str:
        return " ; ".join(str(c) for c in self.constraints)


def parse_prompt(text: str) -> StoryPrompt:
    """Raises DataError if the text is not a prompt of this world."""
    constraints = tuple(_constraint(part, text) for part in text.strip().split(" ; "))
    kinds = [c.kind for c in constraints]
    words = [c.argument for c in constraints if c.argument in TOPIC_OF]
    if len(set(kinds)) < len(kinds) or len(set(words)) < len(words):
        raise _not_a_prompt(text, "a kind of constraint or a word occurs twice")
    return StoryPrompt(constraints)


def _constraint(part: str, text: str) -> Constraint:
    kind, _, argument = part.strip().partition(" ")
    if kind not in KINDS:
        raise _not_a_prompt(text, f"'{kind}' is not a constraint")
    if kind == "words":
        fits = argument.isdecimal() and int(argument) in WORD_COUNTS
    elif kind == "finish":
        fits = argument == "!"
    else:
        fits = argument in TOPIC_OF
    if not fits:
        raise _not_a_prompt(text, f"'{kind}' cannot take '{argument}'")
    return Constraint(kind=kind, argument=argument)


def _not_a_prompt(text: str, why: str) -> DataError:
    return DataError(
        f"Not a prompt of the story world: {text!r} ({why}).",
        "Write it like `start knife ; words 6 ; with harp`; `spar.worlds.story.prompts` makes such prompts.",
    )


def content_words(response: str) -> list[str]:
    """The response's words in order; marks are not words."""
    return [token for token in response.split() if token not in MARKS]


def _starts(argument: str, response: str) -> bool:
    return content_words(response)[:1] == [argument]


def _ends(argument: str, response: str) -> bool:
    return content_words(response)[-1:] == [argument]


_HOLDS: dict[str, Callable[[str, str], bool]] = {
    "start": _starts,
    "end": _ends,
    "words": lambda argument, response: len(content_words(response)) == int(argument),
    "with": lambda argument, response: argument in response.split(),
    "without": lambda argument, response: argument not in response.split(),
    "finish": lambda argument, response: response.split()[-1:] == [argument],
}


def holds(constraint: Constraint, response: str) -> bool:
    return _HOLDS[constraint.kind](constraint.argument, response)


def well_formed(response: str) -> bool:
    words = content_words(response)
    return bool(words) and all(word in TOPIC_OF for word in words)


def violations(prompt_text: str, response_text: str) -> tuple[str, ...]:
    """The constraints that the response breaks, as in the prompt; FORM comes last, if that is broken."""
    broken = [str(c) for c in parse_prompt(prompt_text).constraints if not holds(c, response_text)]
    return tuple(broken if well_formed(response_text) else [*broken, FORM])


def follows(prompt_text: str, response_text: str) -> bool:
    return not violations(prompt_text, response_text)
