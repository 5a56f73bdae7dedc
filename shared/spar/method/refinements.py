"""Reads the refined text out of a refine reply. Knows the label of the form, nothing of trees.

A text counts only between `[[start]]` and `[[end]]`, where the form has them (`spar.method.reading`). A reply that the
token limit cut before `[[end]]`, an empty text and one equal to its parent's are failures, never data.
"""

from spar.method.reading import FormLabels, marked_text, why_unread
from spar.method.records import Refinement, ReplyFailure

REFINED = FormLabels.of(r"final[\s_]+refined[\s_]+(?:output|response|text)")


def parse_refinement(reply: str, finish_reason: str, parent_text: str, labels: FormLabels = REFINED) -> Refinement:
    """Turn one refine reply into a refinement of `parent_text`; `finish_reason` is "stop" or "length".

    A marked text is complete wherever the reply ended. Of several in the required form, a revised one counts.
    """
    text = marked_text(reply, labels)
    if text is None:
        return Refinement(reply=reply, failure=why_unread(reply, finish_reason))
    if not text:
        return Refinement(reply=reply, failure=ReplyFailure.EMPTY)
    if text == parent_text.strip():
        return Refinement(reply=reply, failure=ReplyFailure.UNCHANGED)
    return Refinement(reply=reply, text=text)
