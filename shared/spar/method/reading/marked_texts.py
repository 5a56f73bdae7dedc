"""Finds the text between `[[start]]` and `[[end]]` where the form has it: behind its label, or at a line's start.

Marks named in a sentence ("Everything between [[start]] and [[end]] ...") open nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from spar.method.reading.form_lines import DECORATION, line_above, readable_text
from spar.method.reading.phrases import CONDITIONAL, INTRODUCES_A_QUOTE, revises

_BOLD = r"(?P<bold>\*{1,3}|_{1,3})"
_BOLD_BEFORE = r"(?:(?<=\s)(?:\*\*\*?|___?))?"
_BOLD_BEHIND = r"(?:(?:\*\*\*?|___?)(?=\s))?"
# Emphasis that encloses a mark, or opens or closes right at it, belongs to the mark and not to the text.
_START = re.compile(
    rf"(?:{_BOLD})?\\?\[\\?\[\s*start\s*\\?\]\\?\](?(bold)(?P=bold)|{_BOLD_BEHIND})",
    re.IGNORECASE,
)
_REPEATED = re.compile(rf"\A(?:\s*{_START.pattern})+", re.IGNORECASE)
_END_MARK = r"\\?\[\\?\[\s*end\s*\\?\]\\?\]"
_END = re.compile(rf"{_BOLD}{_END_MARK}(?P=bold)|{_BOLD_BEFORE}{_END_MARK}", re.IGNORECASE)
_BLANK = re.compile(DECORATION)
_LABEL = re.compile(
    rf"{DECORATION}(?:here\b(?:\s+[\w'’-]+){{0,6}}|(?:[\w'’-]+\s+){{0,5}}(?:output|prompt|response|text|version|answer|"
    rf"refinement|rewrite|revision|better|improved|revised|corrected)|[\u4e00-\u9fff]{{1,12}})"
    r"(?:\s+(?:is|reads|as|follows|now|below))*"
    r"[^\w\n:：]*(?:\([^()\n]*\))?[^\w\n:：]*[:：][^\w\n]*",
    re.IGNORECASE,
)
_NO_LABEL = re.compile(
    rf"\b(?:form|format|between|like|example|write|marks?|should)\b|之间|格式|{CONDITIONAL.pattern}", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"[.…\s]+|[<({\[](?:the|your|whole|full|new|refined|final|evolved|output|prompt|text|response|here|goes|\W)+[>)}\]]",
    re.IGNORECASE,
)
# What stands between two marks that a remark names: "[[start]] and [[end]]", "[[start]] opens it and [[end]] ...".
_LINKING = re.compile(r"\W*(?:and|or|to|through|until|和|与|到|至|以及)\W*", re.IGNORECASE)
_DANGLING = re.compile(r"[^\n]*(?:\b(?:and|or|to|with|the|before|until)|[,;]|和|与)[\W_]*", re.IGNORECASE)
_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "‘": "’", "「": "」"}


@dataclass(frozen=True, slots=True)
class FormLabels:
    """What stands before the mark: the form's own label, and in one-line forms a list that may do so (a pattern)."""

    own: re.Pattern[str]

    @classmethod
    def of(cls, own: str) -> "FormLabels":
        behind = r"[^\w\n:：]*(?:\([^()\n]*\))?[^\w\n]*"
        return cls(re.compile(rf"{DECORATION}(?:(?:the|my)\s+)?(?:{own}){behind}", re.IGNORECASE))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    text: str
    start: int
    end: int
    strength: int  # 2 behind the form's own label, 1 behind another, 0 on its own line


def marked_text(reply: str, labels: FormLabels) -> str | None:
    """The text that the reply hands in, stripped, and possibly empty; None if it is unclear which that is."""
    body = readable_text(reply)
    if body is None:
        return None
    spans, opened = _spans(body, labels)
    filled = [span for span in spans if span.text] or spans
    return None if opened or not filled else _handed_in(body, filled)


def _handed_in(body: str, spans: Sequence[_Span]) -> str | None:
    """The last of those that stand best. One that differs and stands after it must be a revision; none may tie it."""
    strongest = max(span.strength for span in spans)
    chosen = next(span for span in reversed(spans) if span.strength == strongest)
    for span in spans:
        if span.text == chosen.text or (span.start < chosen.start and span.strength < strongest):
            continue
        first, second = sorted((span, chosen), key=lambda each: each.start)
        if not revises(body[first.end : second.start]):
            return None
        chosen = second
    return chosen.text


def _spans(body: str, labels: FormLabels) -> tuple[list[_Span], bool]:
    """The marked texts where the form has them, and whether one is still open at the end."""
    spans: list[_Span] = []
    opened: tuple[re.Match[str], int] | None = None
    for mark in _marks(body):
        if _START.fullmatch(mark.group()):
            strength = _strength(body, mark, labels, spans[-1].end if spans else 0)
            opened = (mark, strength) if strength is not None else opened
        elif opened is not None:
            start, strength = opened
            text = _REPEATED.sub("", body[start.end() : mark.start()]).strip()
            opened = None
            if not _is_remark(text, strength):
                spans.append(_Span(text=text, start=start.start(), end=mark.end(), strength=strength))
    return spans, opened is not None


def _marks(body: str) -> list[re.Match[str]]:
    found = [*_START.finditer(body), *_END.finditer(body)]
    return sorted((mark for mark in found if not _quoted(body, mark)), key=lambda mark: mark.start())


def _quoted(body: str, mark: re.Match[str]) -> bool:
    """Whether quotation marks stand right around it: then it is named, not set."""
    return _QUOTES.get(body[mark.start() - 1 : mark.start()]) == body[mark.end() : mark.end() + 1]


def _strength(body: str, mark: re.Match[str], labels: FormLabels, after: int) -> int | None:
    """How the form stands before a start mark; None where the mark stands in a sentence."""
    line = max(body.rfind("\n", 0, mark.start()) + 1, after, body.rfind(" ; ", 0, mark.start()) + 1)
    before = body[line : mark.start()]
    above = line_above(body, mark.start())
    if INTRODUCES_A_QUOTE.search(above):
        return None
    if _BLANK.fullmatch(before):
        return 2 if labels.own.fullmatch(above) else 0
    if labels.own.fullmatch(before):
        return 2
    return 1 if _LABEL.fullmatch(before) and not _NO_LABEL.search(before) else None


def _is_remark(text: str, strength: int) -> bool:
    """Whether it only quotes the form or names the marks, or holds another mark: then where it starts is unclear."""
    if _PLACEHOLDER.fullmatch(text) or _LINKING.fullmatch(text) or _START.search(text):
        return True
    return strength == 0 and _DANGLING.fullmatch(text) is not None
