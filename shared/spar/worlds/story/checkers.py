"""The rules teacher as a programmer (AutoIF, arXiv 2406.13542): checks of a prompt as Python source, test cases for
them, and the way back from a check's source to the prompt it checks.

Each constraint is one expression over `words` and `tokens`; a check is wrong where a constraint has another's
expression. Writes source and reads it as text; never runs it.
"""

import random
import re

from spar.worlds.story.rules import Constraint, StoryPrompt, follows, parse_prompt
from spar.worlds.story.teacher import respond, respond_breaking
from spar.worlds.story.words import MARKS

EXPRESSIONS: dict[str, str] = {
    "start": "words[:1] == ['{}']",
    "end": "words[-1:] == ['{}']",
    "words": "len(words) == {}",
    "with": "'{}' in tokens",
    "without": "'{}' not in tokens",
    "finish": "tokens[-1:] == ['{}']",
}
CONFUSED = {"start": "end", "end": "start", "with": "without", "without": "with"}
"""Which kind's expression a wrong check uses: it then accepts what it should refuse, or checks another prompt."""

SINGLE = ("start", "end", "words", "finish")
"""Kinds of which a text has one: two different arguments exclude one another."""

_HEAD = f"""def evaluate(response):
    tokens = response.split()
    words = [token for token in tokens if token not in {MARKS!r}]
    return all([
"""
_LINE = "        {},\n"
_TAIL = "        len(words) > 0,\n    ])\n"
_PATTERNS = {
    kind: re.compile(r"\s*" + re.escape(expression).replace(r"\{\}", r"(\S+?)") + ",")
    for kind, expression in EXPRESSIONS.items()
}


def checker(prompt_text: str) -> str:
    """Python source of `def evaluate(response)`, true for a text whose constraints all hold. It needs no import."""
    return _source(parse_prompt(prompt_text))


def wrong_checker(prompt_text: str, rng: random.Random) -> str:
    """A check with one constraint left out, if there are several, or confused with another."""
    constraints = list(parse_prompt(prompt_text).constraints)
    slip = rng.randrange(len(constraints))
    wrong = constraints.pop(slip)
    if wrong.kind in CONFUSED:
        constraints.insert(slip, Constraint(CONFUSED[wrong.kind], wrong.argument))
    elif not constraints:
        argument = str(int(wrong.argument) + 1) if wrong.kind == "words" else "."
        constraints.append(Constraint(wrong.kind, argument))
    return _source(StoryPrompt(tuple(constraints)))


def right_cases(prompt_text: str, rng: random.Random, count: int = 3) -> list[tuple[str, bool]]:
    """`count` responses and whether each follows: good and bad ones by turns, the bad ones with one error."""
    responses = [
        respond(prompt_text, rng) if i % 2 == 0 else respond_breaking(prompt_text, rng, 1) for i in range(count)
    ]
    return [(response, follows(prompt_text, response)) for response in responses]


def wrong_cases(prompt_text: str, rng: random.Random, count: int = 3) -> list[tuple[str, bool]]:
    """The same with one case's truth turned around."""
    cases = right_cases(prompt_text, rng, count)
    slip = rng.randrange(count)
    return [(response, truth is not (i == slip)) for i, (response, truth) in enumerate(cases)]


def back_translate(source: str) -> str | None:
    """What a check of this module's form asks for, as it stands there; None for any other source."""
    constraints = [found for line in source.splitlines() if (found := _constraint(line)) is not None]
    if not constraints or source != _source(StoryPrompt(tuple(constraints))):
        return None
    return str(StoryPrompt(tuple(constraints)))


def contradicts(prompt_text: str, other: str) -> bool:
    """Whether no text can follow both: two different arguments of a kind that has one, or a word asked for and banned.

    Reads `other` leniently: what a wrong check checks need not be a prompt that the world would write.
    """
    first, second = _arguments(prompt_text), _arguments(other)
    both = first | second
    clash = any(len({argument for kind, argument in both if kind == single}) > 1 for single in SINGLE)
    wanted = {argument for kind, argument in both if kind in ("start", "end", "with")}
    return clash or any(argument in wanted for kind, argument in both if kind == "without")


def _arguments(text: str) -> set[tuple[str, str]]:
    parts = [part.strip().partition(" ") for part in text.split(" ; ")]
    return {(kind, argument) for kind, _, argument in parts}


def _source(prompt: StoryPrompt) -> str:
    lines = [_LINE.format(EXPRESSIONS[c.kind].format(c.argument)) for c in prompt.constraints]
    return "".join([_HEAD, *lines, _TAIL])


def _constraint(line: str) -> Constraint | None:
    for kind, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(line):
            return Constraint(kind, found.group(1))
    return None
