"""What a conversation teaches, told by its own marks: to respond, to judge, or to refine.

A judgment whose verdict cannot be read, and a refinement that was cut off, teach what is a failure everywhere else in
this project: they are told and left out.
"""

import re
from enum import StrEnum

from spar.data.rows import RejectKind, Unusable, shown
from spar.data.sets.rows import Conversation
from spar.method.refinements import parse_refinement
from spar.method.verdicts import parse_vote

# The form with its choice, for a prompt may well speak of a final judgement; and the story world's compact templates.
_ASKS_JUDGMENT = re.compile(r"\bfinal\s+judge?ment\b[^\n]*\byes\s+or\s+no\b|\AJudge : ", re.IGNORECASE)
_ASKS_REFINEMENT = re.compile(r"\[\[start\]\]|\ARefine\Z", re.IGNORECASE)


class SetKind(StrEnum):
    """The sets that an import makes; each value names its file."""

    RESPONSES = "responses"  # for the actor's SFT
    JUDGMENTS = "judgments"  # for the refiner's
    REFINEMENTS = "refinements"
    PAIRS = "pairs"  # for the actor's DPO


def kind_of(conversation: Conversation) -> SetKind | Unusable:
    """What a row teaches, by the requests and replies that it holds; Unusable with the reason if neither is clear."""
    turns = [message for message in conversation.messages if message.role != "system"]
    if not _ASKS_JUDGMENT.search(turns[0].content):
        return SetKind.RESPONSES
    if parse_vote(turns[1].content, "stop").verdict is None:
        return Unusable(
            kind=RejectKind.UNUSABLE, reason="a judgment whose verdict cannot be read", raw=shown(turns[1].content)
        )
    if len(turns) == 2:
        return SetKind.JUDGMENTS
    if not _ASKS_REFINEMENT.search(turns[2].content):
        return SetKind.RESPONSES
    found = parse_refinement(turns[-1].content, "stop", "")
    if found.text is None:
        reason = "a refinement without a text between [[start]] and [[end]]"
        return Unusable(kind=RejectKind.UNUSABLE, reason=reason, raw=shown(turns[-1].content))
    return SetKind.REFINEMENTS
