"""What the simulated models write: made-up words, and a hidden property that makes verdicts consistent.

A text is good if `GOOD` is among its words; every other text, a user's too, is not. Three more words mark texts whose
judging goes wrong in a known way, so that every outcome of the method occurs over a few hundred prompts. Everything
is a pure function of its arguments. This file knows nothing of engines.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from spar.method.records import Message
from spar.testing.grading import Grade, graded, requested_grade
from spar.testing.teaching import TeachingShares, asks_teacher, teach

GOOD = "luminous"
STUBBORN = "basalt"
"""Its refinements seldom succeed: unsolved trees."""
DIVIDED = "solstice"
"""Of five votes two say yes, two no, and one nothing: ties."""
MUTE = "obsidian"
"""No vote on it can be read: prompts without a quorum."""

_WORDS = (
    "river",
    "stone",
    "lamp",
    "garden",
    "cloud",
    "harp",
    "moss",
    "echo",
    "honey",
    "cake",
    "sail",
    "meadow",
    "thread",
    "copper",
    "window",
    "orchard",
    "paper",
    "signal",
    "winter",
    "candle",
    "bridge",
    "feather",
    "market",
    "silver",
    "anchor",
    "velvet",
    "north",
    "pepper",
    "ladder",
    "saddle",
)
_JUDGE = re.compile(r"Final\s+Judge?ment|^Judge :", re.IGNORECASE)
_REFINE = re.compile(r"\brefine\b|\[\[start\]\]", re.IGNORECASE)


class Skill(StrEnum):
    RESPOND = "respond"
    JUDGE = "judge"
    REFINE = "refine"
    TEACH = "teach"
    GRADE = "grade"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedBehaviour:
    """Shares and lengths, each a probability or a range of words (one word is one token)."""

    response_good: float = 0.5
    refinement_good: float = 0.3
    stubborn_refinement_good: float = 0.02
    stubborn: float = 0.15
    """Share of prompts whose texts are STUBBORN."""
    divided: float = 0.04
    """Share of prompts whose responses are good or DIVIDED."""
    mute: float = 0.02
    """Share of prompts whose texts are MUTE."""
    dissent: float = 0.12
    """Share of votes that contradict the text's property."""
    unparsable: float = 0.03
    empty: float = 0.005
    cut_off: float = 0.02
    unchanged: float = 0.02
    """Share of refinements that repeat their parent."""
    response_words: tuple[int, int] = (6, 24)
    verdict_words: tuple[int, int] = (4, 16)
    reflection_words: tuple[int, int] = (3, 12)
    teaching: TeachingShares = field(default_factory=TeachingShares)


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """`cut` says that the reply was stopped as if by the token limit."""

    text: str
    cut: bool = False


def requested_skill(messages: Sequence[Message]) -> Skill:
    """Which skill a conversation asks for, by the marks of the built-in templates."""
    if len(messages) >= 3 and _REFINE.search(messages[-1].content):
        return Skill.REFINE
    if asks_teacher(messages[-1].content):
        return Skill.TEACH
    if requested_grade(messages[-1].content) is not None:
        return Skill.GRADE
    return Skill.JUDGE if _JUDGE.search(messages[-1].content) else Skill.RESPOND


class SimulatedCall:
    """What the replies to the same messages have in common: read once, however many samples a call asks for."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages

    @cached_property
    def turns(self) -> str:
        return repr([(message.role, message.content) for message in self.messages])

    @cached_property
    def skill(self) -> Skill:
        return requested_skill(self.messages)

    @property
    def last(self) -> str:
        return self.messages[-1].content

    @cached_property
    def subject(self) -> str:
        """The text that is judged or graded, within its form; of a refinement, the text of its first turn."""
        return self.messages[0].content if self.skill is Skill.REFINE else self.last

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", self.subject))

    @cached_property
    def chance(self) -> float:
        """A number of the subject's own, whichever sample it is."""
        return random.Random(self.subject).random()

    @cached_property
    def grade(self) -> Grade | None:
        return requested_grade(self.last)


def simulate(behaviour: SimulatedBehaviour, call: SimulatedCall, key: str, seed: int) -> SimulatedReply:
    """One reply. `key` is everything it depends on besides the messages and the seed: model and sampling."""
    draw = random.Random(f"{key}|{seed}|{call.turns}")
    if draw.random() < behaviour.empty:
        return SimulatedReply("")
    if call.skill is Skill.JUDGE:
        reply = _verdict(behaviour, call, seed, draw)
    elif call.skill is Skill.REFINE:
        reply = _refinement(behaviour, call, draw)
    elif call.skill is Skill.TEACH:
        reply = teach(call.last, draw, behaviour.teaching)
    elif call.skill is Skill.GRADE:
        reply = _grade(behaviour, call, draw)
    else:
        reply = _response(behaviour, call, draw)
    if draw.random() < behaviour.cut_off:
        words = reply.split(" ")
        return SimulatedReply(" ".join(words[: len(words) // 2]), cut=True)
    return SimulatedReply(reply)


def _response(behaviour: SimulatedBehaviour, call: SimulatedCall, draw: random.Random) -> str:
    mark = _prompt_mark(behaviour, call.chance)
    if mark == DIVIDED:
        return _text(behaviour.response_words, draw, draw.choice((GOOD, DIVIDED)))
    good = draw.random() < behaviour.response_good
    return _text(behaviour.response_words, draw, *([GOOD] if good else []), *([mark] if mark else []))


def _verdict(behaviour: SimulatedBehaviour, call: SimulatedCall, seed: int, draw: random.Random) -> str:
    evidence = _text(behaviour.verdict_words, draw)
    words = call.words
    if MUTE in words or draw.random() < behaviour.unparsable:
        return f"Step-by-step verification: {evidence}"
    if DIVIDED in words:
        if seed % 5 == 0:  # five votes of one call have five seeds in a row
            return f"Step-by-step verification: {evidence}"
        good = seed % 5 in (1, 2)
    else:
        good = (GOOD in words) != (draw.random() < behaviour.dissent)
    verdict = "Yes" if good else "No"
    if _is_compact(call.subject):
        return f"{evidence} ; Final Judgement : {verdict}"
    form = "Final Judgement (if the Output accurately follows the Prompt):"
    return f"Step-by-step verification: {evidence}\n{form} {verdict}"


def _grade(behaviour: SimulatedBehaviour, call: SimulatedCall, draw: random.Random) -> str:
    words, grade = call.words, call.grade
    if grade is None or MUTE in words or draw.random() < behaviour.unparsable:
        return _text(behaviour.verdict_words, draw)
    return graded(
        grade, call.subject, GOOD in words, behaviour.dissent, draw, lambda draw: _text(behaviour.verdict_words, draw)
    )


def _refinement(behaviour: SimulatedBehaviour, call: SimulatedCall, draw: random.Random) -> str:
    judged, words = call.subject, call.words
    marked = words & {STUBBORN, MUTE, DIVIDED}
    stubborn = STUBBORN in words or (
        not marked and call.chance < behaviour.stubborn  # a text that no simulation wrote
    )
    good = draw.random() < (behaviour.stubborn_refinement_good if stubborn else behaviour.refinement_good)
    text = _text(behaviour.response_words, draw, *([GOOD] if good else []), *([STUBBORN] if stubborn else []))
    if draw.random() < behaviour.unparsable:
        return f"Reflection on how to refine the Output: {text}"
    if draw.random() < behaviour.unchanged:
        text = judged.rpartition(" Response : ")[2] if _is_compact(judged) else _quoted_output(judged)
    if _is_compact(judged):
        return f"[[start]] {text} [[end]]"
    reflection = _text(behaviour.reflection_words, draw)
    return f"Reflection on how to refine the Output: {reflection}\nFinal Refined Output: [[start]] {text} [[end]]"


def _prompt_mark(behaviour: SimulatedBehaviour, place: float) -> str | None:
    for mark, share in ((STUBBORN, behaviour.stubborn), (DIVIDED, behaviour.divided), (MUTE, behaviour.mute)):
        if place < share:
            return mark
        place -= share
    return None


def _text(length: tuple[int, int], draw: random.Random, *marks: str) -> str:
    words = draw.choices(_WORDS, k=draw.randint(*length))
    for mark in marks:
        words.insert(draw.randint(0, len(words)), mark)
    return " ".join(words)


def _is_compact(judged: str) -> bool:
    return judged.startswith("Judge :")


def _quoted_output(judged: str) -> str:
    found = re.search(r'Output: "(.*?)"\s', judged, re.DOTALL)
    return found.group(1) if found else ""
