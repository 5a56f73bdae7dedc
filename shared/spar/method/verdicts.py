"""Reads the verdict out of a judgment reply. Knows the markers of the form, nothing of prompts or of counting votes.

The last line "Final Judgement: ..." decides (either spelling, any case; also 最终判断), where it is a line of its own
that states a Yes or a No. The whole reply is the critique. Source: arXiv 2412.11605, section 2.
"""

from spar.method.reading import YES_NO_CHOICE, FormField, read_yes_no, stated, why_unread
from spar.method.records import Verdict, Vote

_JUDGEMENT = FormField.of(
    r"final[\s_-]+(?:judge?ment|verdict)\b|"
    r"最[终后](?:的)?(?:判断|判定|评判|裁决|裁定|结论)(?:结果)?",
    YES_NO_CHOICE,
)


def parse_vote(reply: str, finish_reason: str) -> Vote:
    """Turn one judgment reply into a vote; `finish_reason` is "stop" or "length"."""
    answer = stated(reply, finish_reason, _JUDGEMENT, read_yes_no)
    if answer is None:
        return Vote(reply, failure=why_unread(reply, finish_reason))
    return Vote(reply, verdict=Verdict.YES if answer else Verdict.NO)
