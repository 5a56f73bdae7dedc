"""The rules teacher as a programmer (AutoIF, arXiv 2406.13542): checkers of a prompt as Python source, test cases for
them, and back-translation from a checker's source to its prompt.

Each constraint is one expression over `words` and `tokens`; a wrong checker uses another constraint's expression.
Writes source and reads it as text; never runs it.
"""

import random
import re
from dataclasses import dataclass
from functools import cache

from spar.worlds.story.rules import Constraint, StoryPrompt, follows, parse_prompt
from spar.worlds.story.teacher import respond, respond_breaking
from spar.worlds.story.words import MARKS

EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "start": ("words[:1] == ['{}']", "bool(words) and words[0] == '{}'", "' '.join(words).split(' ')[0] == '{}'"),
    "end": ("words[-1:] == ['{}']", "bool(words) and words[-1] == '{}'", "' '.join(words).split(' ')[-1] == '{}'"),
    "words": ("len(words) == {}", "sum(1 for word in words) == {}", "len(list(words)) == {}"),
    "with": ("'{}' in tokens", "tokens.count('{}') > 0", "any(token == '{}' for token in tokens)"),
    "without": ("'{}' not in tokens", "tokens.count('{}') == 0", "all(token != '{}' for token in tokens)"),
    "finish": ("tokens[-1:] == ['{}']", "bool(tokens) and tokens[-1] == '{}'", "' '.join(tokens[-1:]) == '{}'"),
}
"""Each kind's expression in three variants, since AutoIF needs functions that differ."""
CONFUSED = {"start": "end", "end": "start", "with": "without", "without": "with"}
"""Which kind's expression a wrong checker uses: it then accepts what it should reject, or checks another prompt."""

SINGLE = ("start", "end", "words", "finish")
"""Kinds that a text can satisfy with only one argument: two different ones exclude each other."""

_READS = f"""def evaluate(response):
    tokens = response.split()
    words = [token for token in tokens if token not in {MARKS!r}]
"""
_WHOLE = "len(words) > 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """A way of combining the expressions; `line` holds one of them."""

    head: str
    line: str
    tail: str


_LAYOUTS = (
    _Layout(head="    return all([\n", line="        {},\n", tail="    ])\n"),
    _Layout(head="", line="    if not ({}):\n        return False\n", tail="    return True\n"),
    _Layout(head="    rules = [\n", line="        {},\n", tail="    ]\n    return False not in rules\n"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a checker is written: its layout, and the variant of each expression. All are equivalent."""

    layout: int = 0
    wording: int = 0


PLAIN = Style()
STYLES = tuple(Style(layout=layout, wording=wording) for layout in range(len(_LAYOUTS)) for wording in range(3))


def checker(prompt_text: str, style: Style = PLAIN) -> str:
    """Python source of `def evaluate(response)`, true for a text whose constraints all hold. It needs no import."""
    return _source(parse_prompt(prompt_text), style)


def wrong_checker(prompt_text: str, rng: random.Random, style: Style = PLAIN) -> str:
    """A checker with one constraint left out, if there are several, or confused with another."""
    constraints = list(parse_prompt(prompt_text).constraints)
    slip = rng.randrange(len(constraints))
    wrong = constraints.pop(slip)
    if wrong.kind in CONFUSED:
        constraints.insert(slip, Constraint(kind=CONFUSED[wrong.kind], argument=wrong.argument))
    elif not constraints:
        argument = str(int(wrong.argument) + 1) if wrong.kind == "words" else "."
        constraints.append(Constraint(kind=wrong.kind, argument=argument))
    return _source(StoryPrompt(tuple(constraints)), style)


def right_cases(prompt_text: str, rng: random.Random, count: int = 3) -> list[tuple[str, bool]]:
    """`count` responses and whether each follows: alternately good and bad, the bad ones with one error."""
    responses = [
        respond(prompt_text, rng) if i % 2 == 0 else respond_breaking(prompt_text, rng, 1) for i in range(count)
    ]
    return [(response, follows(prompt_text, response)) for response in responses]


def wrong_cases(prompt_text: str, rng: random.Random, count: int = 3) -> list[tuple[str, bool]]:
    """The same with one case's label flipped."""
    cases = right_cases(prompt_text, rng, count)
    slip = rng.randrange(count)
    return [(response, truth is not (i == slip)) for i, (response, truth) in enumerate(cases)]


def back_translate(source: str) -> str | None:
    """The prompt that a checker in this module's form checks; None for any other source."""
    for style in STYLES:
        constraints = tuple(c for line in source.splitlines() if (c := _constraint(line, style)) is not None)
        if constraints and source == _source(StoryPrompt(constraints), style):
            return str(StoryPrompt(constraints))
    return None


def contradicts(prompt_text: str, other: str) -> bool:
    """Whether no text can follow both: two different arguments of a single kind, or a word both required and banned.

    Parses `other` leniently: the prompt of a wrong checker need not be one that the world would write.
    """
    first, second = _arguments(prompt_text), _arguments(other)
    both = first | second
    clash = any(len({argument for kind, argument in both if kind == single}) > 1 for single in SINGLE)
    wanted = {argument for kind, argument in both if kind in ("start", "end", "with")}
    return clash or any(argument in wanted for kind, argument in both if kind == "without")


def _arguments(text: str) -> set[tuple[str, str]]:
    parts = [part.strip().partition(" ") for part in text.split(" ; ")]
    return {(kind, argument) for kind, _, argument in parts}


def _source(prompt: StoryPrompt, style: Style) -> str:
    layout = _LAYOUTS[style.layout]
    expressions = [EXPRESSIONS[c.kind][style.wording].format(c.argument) for c in prompt.constraints]
    return "".join([_READS, layout.head, *map(layout.line.format, [*expressions, _WHOLE]), layout.tail])


def _constraint(line: str, style: Style) -> Constraint | None:
    for kind, pattern in _patterns(style).items():
        if found := pattern.fullmatch(line + "\n"):
            return Constraint(kind=kind, argument=found.group(1))
    return None


@cache
def _patterns(style: Style) -> dict[str, re.Pattern[str]]:
    """Patterns of the line that holds an expression; the rest of the line is independent of the constraint."""
    line = _LAYOUTS[style.layout].line.partition("\n")[0] + "\n"
    return {
        kind: re.compile(re.escape(line.format(wordings[style.wording])).replace(r"\{\}", r"(\S+?)"))
        for kind, wordings in EXPRESSIONS.items()
    }
