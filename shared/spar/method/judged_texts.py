"""One text, one judgment: what a search already knows of the texts of its tree. Decides nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from spar.method.growth import JudgeNode
from spar.method.records import Judgment, Node, Path


class JudgedTexts:
    """The judgments of one tree by text, outer blanks aside; the root's is known from the start."""

    def __init__(self, judge: JudgeNode, root: Node) -> None:
        self._judge = judge
        self._root = root.text.strip()
        self._known: dict[str, Judgment] = {self._root: root.judgment}
        self._judging: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def judge(self, text: str, path: Path) -> Judgment:
        """Judge a text, or wait for its judgment under way. A judgment that is cancelled leaves nothing behind."""
        key = text.strip()
        async with self._judging[key]:
            if key not in self._known:
                self._known[key] = await self._judge(text, path)
            return self._known[key]

    def votes(self, texts: Iterable[str | None]) -> int:
        """How many votes were drawn for these texts, each counted once; the root had its own before the search."""
        judged = {text.strip() for text in texts if text is not None} - {self._root}
        return sum(self._known[text].drawn for text in judged if text in self._known)
