"""Reads a form that a model filled in: the form counts on lines of its own, never inside a sentence.

One mechanism for all replies (verdicts, scores, winners, checks, marked texts). An ambiguous reply is unreadable and
never guessed: a false accept is worse than a lost reply.
"""

from spar.method.reading.form_lines import FormField, FormLine, form_lines, stated
from spar.method.reading.marked_texts import FormLabels, marked_text
from spar.method.reading.thoughts import after_thoughts
from spar.method.reading.why_unread import why_unread
from spar.method.reading.yes_no import YES_NO_CHOICE, read_yes_no

__all__ = [
    "YES_NO_CHOICE",
    "FormField",
    "FormLabels",
    "FormLine",
    "after_thoughts",
    "form_lines",
    "marked_text",
    "read_yes_no",
    "stated",
    "why_unread",
]
