"""What the lines of a form state together, or that they state nothing clear."""

from collections.abc import Callable
from typing import TypeVar

from spar.method.reading.form_lines import FormField, FormLine, form_lines, readable_text
from spar.method.reading.phrases import revises

Value = TypeVar("Value")


def stated(reply: str, finish_reason: str, field: FormField, read: Callable[[str], Value | None]) -> Value | None:
    """What the reply's last line of this form states; `read` makes a value of the line's text, None if it can't.

    None where nothing can be read, where the last line can't be, where the token limit cut it, and where an earlier
    line states something else without being taken back in between ("Wait, ...").
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
    """Whether no further line of the form was begun when the limit came."""
    return all(found.start() <= last.start for found in field.name.finditer(text))
