"""Reads the verdict out of a judgment reply. Knows the markers of the form, nothing of prompts or of counting votes.

The last line with "Final Judgement" (either spelling, any case) decides, unless it only quotes the form,
"(Yes or No)". Yes and No count as whole words. The whole reply is the critique (METHOD, sections 2 and 3).
"""

import re

from spar.method.records import ReplyFailure, Verdict, Vote

_MARKER = re.compile(r"\bfinal\s+judge?ment\b", re.IGNORECASE)
_CONDITION = re.compile(r"\(\s*if\b[^()\n]*\)", re.IGNORECASE)
# The form itself, also where the token limit cut it: "(Yes or No)", "Yes/No", "(Yes or", "(Yes".
_QUOTED = re.compile(
    r"\(?\s*\byes\s*(?:/|\bor\b)\s*(?:no\b|n?\s*$)\s*\)?|\(\s*yes\s*o?\s*$", re.IGNORECASE | re.MULTILINE
)
# A "no" inside a sentence is mostly a determiner ("there is no issue"), so it must close what it stands in.
_VERDICT = re.compile(r"\byes\b|\bno\b(?!\s+\w)", re.IGNORECASE)
_OPENING = re.compile(r"[\W_]*(yes|no)\b(?!\s*(?:and|or|/)\b)", re.IGNORECASE)


def parse_vote(reply: str, finish_reason: str) -> Vote:
    """Turn one judgment reply into a vote; `finish_reason` is "stop" or "length"."""
    if not reply.strip():
        return Vote(reply, failure=ReplyFailure.EMPTY)
    verdict = _last_verdict(reply)
    if verdict is not None:
        return Vote(reply, verdict=verdict)
    cut = finish_reason == "length"
    return Vote(reply, failure=ReplyFailure.CUT_OFF if cut else ReplyFailure.UNPARSABLE)


def _last_verdict(reply: str) -> Verdict | None:
    end = len(reply)
    for marker in reversed(list(_MARKER.finditer(reply))):
        line, said_below = _first_lines(reply[marker.end() : end])
        stated = _QUOTED.sub(" ", line)
        if _has_words(stated):
            return _verdict_in(stated)
        if stated == line:  # nothing on the marker's line, not even the form: it stands on the next one
            return _verdict_in(_QUOTED.sub(" ", said_below))
        end = marker.start()
    return None


def _first_lines(tail: str) -> tuple[str, str]:
    """What follows a marker on its line, and the next line that has words."""
    line, _, below = _CONDITION.sub(" ", tail).partition("\n")
    return line, next((other for other in below.splitlines() if _has_words(other)), "")


def _has_words(line: str) -> bool:
    return any(character.isalnum() for character in line)


def _verdict_in(line: str) -> Verdict | None:
    opening = _OPENING.match(line)
    if opening:
        return Verdict(opening.group(1).lower())
    said = {word.lower() for word in _VERDICT.findall(line)}
    return Verdict(said.pop()) if len(said) == 1 else None
