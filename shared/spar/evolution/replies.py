"""Parses the evolved prompt, and the check of one, from a teacher's reply. Knows the forms' marks, nothing of prompts.

As everywhere, a text counts only between `[[start]]` and `[[end]]`, and an incomplete reply is a typed failure.
"""

import re
from dataclasses import dataclass

from spar.evolution.records import FAILED_REPLIES, EvolutionCheck, EvolutionOutcome
from spar.evolution.taxonomy import Taxonomy
from spar.method.reading import YES_NO_CHOICE, FormField, FormLabels, after_thoughts, read_yes_no, stated, why_unread
from spar.method.records import ReplyFailure
from spar.method.refinements import parse_refinement

ADDED = range(1, 4)
"""How many constraints the teacher should add to the main one (arXiv 2412.11605)."""

_KINDS = re.compile(r"^\W*constraints?[^\w\n]*:(.*?)(?=\[\[start\]\]|$)", re.IGNORECASE | re.MULTILINE)
_NONE = re.compile(r"(?:.*\bprompt\b[^\w\n]*:)?\W*none\W*", re.IGNORECASE)
_QUESTIONS = tuple(
    FormField.of(name, YES_NO_CHOICE)
    for name in (r"answerable\b|可回答", r"consistent\b|一致", r"main[\s_]+constraint[\s_]+used\b|使用了主要约束")
)
# One-line replies have the mark after the list of constraints.
_EVOLVED = FormLabels.of(r"(?:new|evolved)[\s_]+prompt|constraints?[^\w\n]*[:：][\w ,;，、-]*")
_HAN = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class EvolveReply:
    outcome: EvolutionOutcome
    text: str = ""
    added: tuple[str, ...] | None = None


def parse_evolution(reply: str, finish_reason: str, seed: str, main: str, taxonomy: Taxonomy) -> EvolveReply:
    """Parse a reply to the evolve form; `finish_reason` is "stop" or "length"."""
    found = parse_refinement(reply, finish_reason, seed, _EVOLVED)
    if found.text is None:
        # Some teachers omit the marks around a None.
        last = (after_thoughts(reply) or "").strip().rpartition("\n")[2]
        if found.failure is ReplyFailure.UNPARSABLE and _NONE.fullmatch(last):
            return EvolveReply(EvolutionOutcome.DECLINED)
        return EvolveReply(FAILED_REPLIES[found.failure or ReplyFailure.UNPARSABLE])
    if _NONE.fullmatch(found.text):
        return EvolveReply(EvolutionOutcome.DECLINED)
    if len(found.text.split()) == 1 and not _HAN.search(found.text):
        return EvolveReply(EvolutionOutcome.UNPARSABLE)  # a single word is not a task but a remark on the form
    named = _kinds_named(after_thoughts(reply) or "", taxonomy)
    if named is None:
        return EvolveReply(EvolutionOutcome.EVOLVED, found.text)
    others = [kind for kind in named if kind != main]
    if len(others) not in ADDED:
        return EvolveReply(EvolutionOutcome.OFF_COUNT)
    known = {group.key for group in taxonomy.groups}
    return EvolveReply(EvolutionOutcome.EVOLVED, found.text, tuple(kind for kind in others if kind in known))


def _kinds_named(reply: str, taxonomy: Taxonomy) -> list[str] | None:
    """The kinds that the reply states, each once, including unknown ones; None if it names no known one."""
    lines = _KINDS.findall(reply)
    if not lines:
        return None
    named = [re.sub(r"\W+", "_", name.strip().lower()).strip("_") for name in re.split(r"[,;]", lines[-1])]
    known = {group.key for group in taxonomy.groups}
    kinds = list(dict.fromkeys(name for name in named if name))
    return kinds if known.intersection(kinds) else None


def parse_check(reply: str, finish_reason: str) -> EvolutionCheck:
    """Parse a reply to the validate form. All three questions need their line."""
    answerable, consistent, main_used = (stated(reply, finish_reason, question, read_yes_no) for question in _QUESTIONS)
    if answerable is None or consistent is None or main_used is None:
        return EvolutionCheck(reply=reply, failure=why_unread(reply, finish_reason))
    return EvolutionCheck(reply=reply, answerable=answerable, consistent=consistent, main_used=main_used)
