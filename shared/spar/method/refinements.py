"""Reads the refined text out of a refine reply. Knows the markers of the form, nothing of trees.

A text counts only between `[[start]]` and `[[end]]`: a reply that the token limit cut before `[[end]]`, an empty text
and one equal to its parent's are failures, never data (METHOD, section 3).
"""

import re

from spar.method.records import Refinement, ReplyFailure

_TEXT = re.compile(r"\[\[start\]\]((?:(?!\[\[start\]\]).)*?)\[\[end\]\]", re.IGNORECASE | re.DOTALL)
_START = re.compile(r"\[\[start\]\]", re.IGNORECASE)
_FORM = {"...", "…"}  # a reply that quotes the form before or after filling it in


def parse_refinement(reply: str, finish_reason: str, parent_text: str) -> Refinement:
    """Turn one refine reply into a refinement of `parent_text`; `finish_reason` is "stop" or "length".

    Of several marked texts the last counts. One that opens after it and never closes makes the reply incomplete.
    """
    if not reply.strip():
        return Refinement(reply, failure=ReplyFailure.EMPTY)
    spans = [span for span in _TEXT.finditer(reply) if span.group(1).strip() not in _FORM]
    if not spans or _opens_again(reply, spans[-1].end()):
        cut = finish_reason == "length"
        return Refinement(reply, failure=ReplyFailure.CUT_OFF if cut else ReplyFailure.UNPARSABLE)
    text = spans[-1].group(1).strip()
    if not text:
        return Refinement(reply, failure=ReplyFailure.EMPTY)
    if text == parent_text.strip():
        return Refinement(reply, failure=ReplyFailure.UNCHANGED)
    return Refinement(reply, text=text)


def _opens_again(reply: str, position: int) -> bool:
    """Whether a `[[start]]` after `position` is left open; a closed one there only quotes the form."""
    return len(_START.findall(reply, position)) > len(_TEXT.findall(reply, position))
