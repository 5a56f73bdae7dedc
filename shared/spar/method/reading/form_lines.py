"""Finds the lines of a form in a reply: `Name: value` at a line's own start, as `Score: 3` or `| Winner | B |`.

Allowed around the name are the habits of models: list marks, numbering, bold, headings, quotes, table cells, LaTeX,
JSON keys. A name inside a sentence is a remark. `stated` is what these lines state together. Knows nothing of what a
value means.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from spar.method.reading.phrases import INTRODUCES_A_QUOTE, revises
from spar.method.reading.thoughts import after_thoughts

Value = TypeVar("Value")
DECORATION = (
    r"(?:[^\w\n\[\\<]|_|\[(?!\\?\[)|\\(?:(?:text\w*|boxed|mathbf)\{)?(?!\\?\[)|</?\w+>|\d{1,2}\s*[.)、|]|"
    r"\b(?:step|part|section)\s*\d+)*+"
)
"""What may stand before a name on its line. Double brackets are no decoration: they are marks."""
_CLAUSE = r"(?:^|(?<=\s;\s))"
# A clause starts with its line, or after a " ; " with blanks around it: the compact templates write one-line forms.
_CONCLUDES = (
    r"(?:(?:so|therefore|thus|hence|overall|finally|in\s+(?:conclusion|summary))\b[ \t]*[,:]?[ \t]+|"
    r"(?:综上(?:所述)?|因此|所以|总之)[，,：:]?[ \t]*)?"
)
_QUALIFIERS = _CONCLUDES + r"(?:(?:the|my|our|total|overall|final|revised|updated|corrected)[ \t]+)*"
_CLOSING = r"(?:[ \t*_\"'”’`」』】)\]}~]|</?\w+>)*+"
_REMARK = r"(?:[(（][^()（）\n]{0,200}[)）])?"
_SEPARATOR = r"(?:(?P<colon>[:：=|–—→-]+>?|为[:：]?)|(?P<says>is\b:?))?"
_VALUE = r"(?P<value>(?:(?!\s;\s)[^\n])*+)"
_LINE = re.compile(r"[^\n]+")
_MARKUP = re.compile(r"</?\w+>|\\(?:text\w*|boxed|mathbf)?\{?|[*_`${}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A line of a form: how its name is spelled, and the form's own choice, "(Yes or No)", which states nothing."""

    name: re.Pattern[str]
    choice: re.Pattern[str]

    @classmethod
    def of(cls, names: str, choice: str) -> "FormField":
        found = rf"{_CLAUSE}{DECORATION}{_QUALIFIERS}(?:{names}){_CLOSING}{_REMARK}{_CLOSING}{_SEPARATOR}{_VALUE}"
        return cls(name=re.compile(found, re.IGNORECASE | re.MULTILINE), choice=re.compile(choice, re.IGNORECASE))


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLine:
    """One line of the form with its value, free of markup. `start` and `end` are places in the text it was found in.

    `sentence`: it has no separator ("The winner is A."), so it may as well be a remark. `complete`: something follows
    it, so a token limit cannot have cut it.
    """

    value: str
    start: int
    end: int
    sentence: bool
    complete: bool


def form_lines(text: str, field: FormField) -> Iterator[FormLine]:
    """The lines that state something, in order: neither the form as it was given nor a line introduced as a quote."""
    for found in field.name.finditer(text):
        if INTRODUCES_A_QUOTE.search(line_above(text, found.start())):
            continue
        value, end = _value(text, found)
        filled = field.choice.sub(" ", value)
        if has_words(filled) and not _is_remark(found, filled):
            sentence = found["colon"] is None and bool(found["value"].strip())
            yield FormLine(
                value=filled.strip(), start=found.start(), end=end, sentence=sentence, complete=end < len(text)
            )


def readable_text(reply: str) -> str | None:
    """The part of a reply that forms are read in: below its thoughts, a JSON object as lines; None in open thoughts."""
    text = after_thoughts(reply)
    return None if text is None else _json_as_lines(text)


def has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def line_above(text: str, position: int) -> str:
    """The last line with words above the one at `position`."""
    above = text[: text.rfind("\n", 0, position) + 1].rstrip()
    return above[above.rfind("\n") + 1 :]


def _value(text: str, found: re.Match[str]) -> tuple[str, int]:
    """What stands on the name's line, or on the next one that has words, and where that ends."""
    value = _MARKUP.sub(" ", found["value"])
    if has_words(value):
        return value, found.end()
    for line in _LINE.finditer(text, found.end()):
        below = _MARKUP.sub(" ", line.group())
        if has_words(below):
            return below, line.end()
    return "", len(text)


def _is_remark(found: re.Match[str], value: str) -> bool:
    """A name without any separator is a form line only with one word behind it: "Score 4", not "Score 1 point for"."""
    bare = found["colon"] is None and found["says"] is None and bool(found["value"].strip())
    return bare and len(value.split()) > 1


def _json_as_lines(text: str) -> str:
    """A reply that is one JSON object, fenced or not, as `key: value` lines; any other text as it is."""
    inner = re.sub(r"\A\s*```(?:json)?\s*\n|\n\s*```\s*\Z", "", text, flags=re.IGNORECASE)
    if not inner.lstrip().startswith("{"):
        return text
    try:
        fields = json.loads(inner)
    except (ValueError, RecursionError):
        return text
    return "\n".join(f"{key}: {value}" for key, value in fields.items()) + "\n" if isinstance(fields, dict) else text


def stated(reply: str, finish_reason: str, field: FormField, read: Callable[[str], Value | None]) -> Value | None:
    """The value that the reply's last line of this form states; `read` parses a line's text, None if it cannot.

    None if nothing can be read, if the last line cannot, if the token limit cut it, and if an earlier line states
    something else that is not retracted in between ("Wait, ...").
    """
    text = readable_text(reply)
    if text is None:
        return None
    lines = [(line, read(line.value)) for line in form_lines(text, field)]
    formal = [(line, value) for line, value in lines if not (line.sentence and value is None)]
    if not formal:
        return None
    last, value = formal[-1]
    if finish_reason == "length" and not (last.complete and _is_final(text, field, last)):
        return None
    return value if value is not None and _agreed(text, formal[:-1], last, value) else None


def _agreed(text: str, earlier: list[tuple[FormLine, Value | None]], last: FormLine, value: Value) -> bool:
    others = [line for line, other in earlier if other is not None and other != value]
    return not others or revises(text[others[-1].end : last.start])


def _is_final(text: str, field: FormField, last: FormLine) -> bool:
    """Whether no further line of the form had begun at the token limit."""
    return all(found.start() <= last.start for found in field.name.finditer(text))
