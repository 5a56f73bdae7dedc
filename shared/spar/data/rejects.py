"""The rejects of an import: one JSON row for each unusable row, and counts by reason and by source."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from spar.data.rows import RejectKind, Unusable, shown


@dataclass(slots=True)
class SourceTally:
    """Counts of one source: rows read, rejected by kind, and the first reason of each kind."""

    read: int = 0
    rejected: Counter[RejectKind] = field(default_factory=Counter)
    examples: dict[RejectKind, str] = field(default_factory=dict)

    @property
    def used(self) -> int:
        return self.read - self.rejected.total()


class Rejects:
    """Writes the rejects file."""

    def __init__(self, path: Path, sources: Sequence[str]) -> None:
        self.counts: Counter[RejectKind] = Counter()
        self.tallies = [SourceTally() for _ in sources]
        self._sources = sources
        self._file = path.open("w", encoding="utf-8")

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, source: int, row: int, why: Unusable) -> None:
        self.counts[why.kind] += 1
        tally = self.tallies[source]
        tally.rejected[why.kind] += 1
        tally.examples.setdefault(why.kind, why.reason)
        record = {"file": self._sources[source], "row": row, "kind": why.kind, "reason": why.reason}
        self._file.write(json.dumps({**record, "text": shown(why.raw)}, ensure_ascii=False) + "\n")
