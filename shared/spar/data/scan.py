"""The first pass of an import: every row of every source becomes a candidate or a reject."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from spar.data.decontamination import EvaluationIndex
from spar.data.layouts import Found, find_prompt
from spar.data.rows import Fields, RejectKind, Unusable, shown, storable
from spar.data.settings import ImportSettings
from spar.data.sources import read_source
from spar.data.spool import Candidate, Spool

Check = Callable[[str], Unusable | None]
Progress = Callable[[int], None]
EVERY = 50_000
"""Rows between two signs of life."""


class Rejects:
    """The rejects file: one JSON row for each row that gives no prompt, and their counts."""

    def __init__(self, path: Path, sources: Sequence[str]) -> None:
        self.counts: Counter[RejectKind] = Counter()
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
        told = {"file": self._sources[source], "row": row, "kind": why.kind, "reason": why.reason}
        self._file.write(json.dumps({**told, "text": shown(why.raw)}, ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class Scan:
    """What every row is held to."""

    settings: ImportSettings
    sources: Sequence[str]
    checks: Sequence[Check]
    read: list[int] = field(default_factory=list)
    """Rows by source, once it is read."""

    def run(self, spool: Spool, rejects: Rejects, progress: Progress) -> None:
        total = 0
        for source, name in enumerate(self.sources):
            before = total
            for row, fields in read_source(name, self.settings.options):
                total += 1
                found = self._prompt(fields)
                if isinstance(found, Unusable):
                    rejects.add(source, row, found)
                else:
                    spool.add(Candidate(source, row, found.text, found.id))
                if total % EVERY == 0:
                    progress(total)
            self.read.append(total - before)

    def _prompt(self, fields: Fields | Unusable) -> Found | Unusable:
        if isinstance(fields, Unusable):
            return fields
        options = self.settings.options
        found = find_prompt(fields, options.layout, options.field, self.settings.system)
        if isinstance(found, Unusable):
            return found
        return next((why for check in self.checks if (why := check(found.text))), None) or found


def checks_of(settings: ImportSettings, index: EvaluationIndex | None) -> list[Check]:
    """In the order of RejectKind: the cheap ones first."""
    checks: list[Check] = [storable, settings.lengths.check]
    if settings.languages:
        from spar.data.filters import Languages, language_teller

        checks.append(Languages(settings.languages, language_teller(settings.languages)).check)
    if index is not None:
        checks.append(lambda text: _contaminated(index, text))
    return checks


def _contaminated(index: EvaluationIndex, text: str) -> Unusable | None:
    found = index.find(text)
    if found is None:
        return None
    reason = f"shares {found.share:.0%} of its runs of words with the evaluation prompt {found.name}"
    return Unusable(RejectKind.CONTAMINATED, reason, shown(text))
