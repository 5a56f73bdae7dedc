"""Reads the evolved prompt, and the check of one, out of a teacher's reply. Knows the forms' marks, nothing of prompts.

As everywhere, a text counts only between `[[start]]` and `[[end]]`, and a reply that is not whole is a typed failure.
"""

import re
from dataclasses import dataclass

from spar.evolution.records import FAILED_REPLIES, Check, EvolutionOutcome
from spar.evolution.taxonomy import Taxonomy
from spar.method.records import ReplyFailure
from spar.method.refinements import parse_refinement

ADDED = range(1, 4)
"""How many constraints the teacher is to add to the main one (arXiv 2412.11605)."""

_KINDS = re.compile(r"^\W*constraints?[^\w\n]*:(.*?)(?=\[\[start\]\]|$)", re.IGNORECASE | re.MULTILINE)
_NONE = re.compile(r"(?:.*\bprompt\b[^\w\n]*:)?\W*none\W*", re.IGNORECASE)
_QUESTIONS = ("answerable", "consistent", r"main\s+constraint\s+used")


@dataclass(frozen=True, slots=True)
class EvolveReply:
    outcome: EvolutionOutcome
    text: str = ""
    added: tuple[str, ...] | None = None


def parse_evolution(reply: str, finish_reason: str, seed: str, main: str, taxonomy: Taxonomy) -> EvolveReply:
    """Type one reply to the evolve form; `finish_reason` is "stop" or "length"."""
    found = parse_refinement(reply, finish_reason, seed)
    if found.text is None:
        # Some teachers leave the marks out around a None.
        last = reply.strip().rpartition("\n")[2]
        if found.failure is ReplyFailure.UNPARSABLE and _NONE.fullmatch(last):
            return EvolveReply(EvolutionOutcome.DECLINED)
        return EvolveReply(FAILED_REPLIES[found.failure or ReplyFailure.UNPARSABLE])
    if _NONE.fullmatch(found.text):
        return EvolveReply(EvolutionOutcome.DECLINED)
    named = _kinds_named(reply, taxonomy)
    if named is None:
        return EvolveReply(EvolutionOutcome.EVOLVED, found.text)
    others = [kind for kind in named if kind != main]
    if len(others) not in ADDED:
        return EvolveReply(EvolutionOutcome.OFF_COUNT)
    known = {group.key for group in taxonomy.groups}
    return EvolveReply(EvolutionOutcome.EVOLVED, found.text, tuple(kind for kind in others if kind in known))


def _kinds_named(reply: str, taxonomy: Taxonomy) -> list[str] | None:
    """The kinds that the reply says it used, each once, unknown ones too; None if it names no known one."""
    lines = _KINDS.findall(reply)
    if not lines:
        return None
    named = [re.sub(r"\W+", "_", name.strip().lower()).strip("_") for name in re.split(r"[,;]", lines[-1])]
    known = {group.key for group in taxonomy.groups}
    kinds = list(dict.fromkeys(name for name in named if name))
    return kinds if known.intersection(kinds) else None


def parse_check(reply: str, finish_reason: str) -> Check:
    """Type one reply to the validate form. Of several verdicts on a question the last counts; all three are needed."""
    if not reply.strip():
        return Check(reply, failure=ReplyFailure.EMPTY)
    verdicts = [_verdict(question, reply) for question in _QUESTIONS]
    answerable, consistent, main_used = verdicts
    if answerable is None or consistent is None or main_used is None:
        cut = finish_reason == "length"
        return Check(reply, failure=ReplyFailure.CUT_OFF if cut else ReplyFailure.UNPARSABLE)
    return Check(reply, answerable, consistent, main_used)


def _verdict(question: str, reply: str) -> bool | None:
    """The form itself, "(Yes or No)", is no verdict."""
    said = re.findall(rf"\b{question}\b[^\w\n]*\b(yes|no)\b(?!\s*(?:/|or\b))", reply, re.IGNORECASE)
    return said[-1].lower() == "yes" if said else None
