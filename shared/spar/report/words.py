"""The difference of two texts, word by word. Knows nothing of pages or trees."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "removed", "added"]

# A word with the blanks before it. Scripts without blanks between words count character by character.
UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"\s*(?:[{UNSPACED}]|[^\s{UNSPACED}]+)")


@dataclass(frozen=True, slots=True)
class WordSpan:
    """Neighbouring words that are all unchanged, removed or added, with the blanks before them.

    Joined, the unchanged and added spans are the later text, except for a blank after a removed beginning.
    """

    kind: Kind
    text: str

    @property
    def words(self) -> str:
        return self.text.lstrip()

    @property
    def blanks(self) -> str:
        return self.text[: len(self.text) - len(self.words)]


def word_changes(before: str, after: str) -> list[WordSpan]:
    """What to strike out of `before` and what to add to come to `after`; blanks never count as a change."""
    old, new = WORD.findall(before), WORD.findall(after)
    matcher = SequenceMatcher(None, _words(old), _words(new), autojunk=False)
    spans: list[WordSpan] = []
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        spans.extend(_spans(tag, "".join(old[old_from:old_to]), "".join(new[new_from:new_to])))
    return _spaced(spans)


def changed_words(spans: Sequence[WordSpan]) -> int:
    """How many words were taken out or put in."""
    return sum(len(WORD.findall(span.text)) for span in spans if span.kind != "same")


def _words(pieces: Sequence[str]) -> list[str]:
    return [piece.strip() for piece in pieces]


def _spaced(spans: Sequence[WordSpan]) -> list[WordSpan]:
    """Only a text's first word has no blank before it; after a removed beginning it needs one."""
    return [
        WordSpan(span.kind, f" {span.text}") if index and not span.blanks and _starts(span) else span
        for index, span in enumerate(spans)
    ]


def _starts(span: WordSpan) -> bool:
    return not re.match(f"[{UNSPACED}]", span.text)


def _spans(tag: str, removed: str, added: str) -> Iterator[WordSpan]:
    if tag == "equal":
        yield WordSpan("same", added)
        return
    if removed:
        yield WordSpan("removed", removed)
    if added:
        yield WordSpan("added", added)
