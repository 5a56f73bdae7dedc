"""Which candidates repeat an earlier one, with the reason that is reported. Knows nothing of files."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from spar.data.duplicates import NONE, Ints, near_earlier, same_as_earlier, similarities
from spar.data.rows import RejectKind, Unusable, shown
from spar.data.spool import Spool

_KINDS = (RejectKind.DUPLICATE, RejectKind.DUPLICATE_ID, RejectKind.NEAR_DUPLICATE)


class Repeats:
    """Finds the candidates that repeat an earlier one: by text, then by id, then as near-duplicates."""

    def __init__(self, spool: Spool, sources: Sequence[str], near: float | None) -> None:
        self._facts: Any = spool.facts()
        self._sources, self._signatures = sources, spool.signatures
        self._first = np.full(len(self._facts), NONE, dtype=np.int64)
        self._kind = np.zeros(len(self._facts), dtype=np.uint8)
        rows = np.arange(len(self._facts), dtype=np.int64)
        rows = self._drop(rows, same_as_earlier(self._facts["text"], rows), RejectKind.DUPLICATE)
        rows = self._drop(rows, self._same_ids(rows), RejectKind.DUPLICATE_ID)
        if near is not None:
            self._drop(rows, near_earlier(spool.signatures, spool.bands(), rows, near), RejectKind.NEAR_DUPLICATE)

    def _drop(self, rows: Ints, earlier: Ints, kind: RejectKind) -> Ints:
        self._first[rows] = earlier
        self._kind[rows] = _KINDS.index(kind)
        left: Ints = rows[earlier == NONE]
        return left

    def _same_ids(self, rows: Ints) -> Ints:
        """Sources may number their rows alike, so ids are compared only within a source."""
        earlier = np.full(len(rows), NONE, dtype=np.int64)
        for mine in _by_source(self._facts["source"][rows]):
            earlier[mine] = same_as_earlier(self._facts["id"], rows[mine])
        return earlier

    def place_of(self, place: int) -> tuple[int, int]:
        return int(self._facts["source"][place]), int(self._facts["row"][place])

    def why(self, place: int, text: str, name: str | None) -> Unusable | None:
        """Which earlier row the prompt repeats, and how; None if it repeats none."""
        kind, first = _KINDS[self._kind[place]], int(self._first[place])
        if first == NONE:
            return None
        source, row = self.place_of(first)
        where = f"row {row} of {self._sources[source]}"
        if kind is RejectKind.DUPLICATE:
            return Unusable(kind=kind, reason=f"the same prompt as {where}", raw=shown(text))
        if kind is RejectKind.DUPLICATE_ID:
            return Unusable(
                kind=kind, reason=f"the id '{name}' is that of {where}, which is another prompt", raw=shown(text)
            )
        [alike] = similarities(self._signatures, place, np.array([first]))
        return Unusable(
            kind=kind, reason=f"nearly the same prompt as {where} (similarity {alike:.2f})", raw=shown(text)
        )


def _by_source(sources: Any) -> Iterator[Ints]:
    for source in np.unique(sources):
        yield np.flatnonzero(sources == source)
