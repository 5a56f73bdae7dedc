"""The first pass of an import: every row of every source becomes a candidate or a reject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spar.data.decontamination import EvaluationIndex
from spar.data.layouts import RowPrompt, find_prompt
from spar.data.rejects import Rejects
from spar.data.rows import Fields, RejectKind, Unusable, shown, storable
from spar.data.settings import ImportSettings
from spar.data.sources import read_source
from spar.data.spool import Spool, SpooledPrompt

Check = Callable[[str], Unusable | None]
Progress = Callable[[int], None]
EVERY = 50_000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The settings, sources and checks of the first pass."""

    settings: ImportSettings
    sources: Sequence[str]
    checks: Sequence[Check]

    def run(self, spool: Spool, rejects: Rejects, progress: Progress) -> None:
        """Read every source once: usable prompts go to the spool, all other rows to the rejects, counted."""
        total = 0
        for source, name in enumerate(self.sources):
            for row, fields in read_source(name, self.settings.options):
                total += 1
                rejects.tallies[source].read += 1
                found = self._prompt(fields)
                if isinstance(found, Unusable):
                    rejects.add(source, row, found)
                else:
                    spool.add(
                        SpooledPrompt(source=source, row=row, text=found.text, id=found.id, left_out=found.left_out)
                    )
                if total % EVERY == 0:
                    progress(total)

    def _prompt(self, fields: Fields | Unusable) -> RowPrompt | Unusable:
        if isinstance(fields, Unusable):
            return fields
        options = self.settings.options
        found = find_prompt(fields, options.layout, options.field, self.settings.rules)
        if isinstance(found, Unusable):
            return found
        return next((why for check in self.checks if (why := check(found.text))), None) or found


def checks_of(settings: ImportSettings, index: EvaluationIndex | None) -> list[Check]:
    """In the order of RejectKind: the cheap ones first."""
    checks: list[Check] = [storable, settings.lengths.check]
    if settings.languages:
        from spar.data.filters import Languages, language_identifier

        checks.append(Languages(settings.languages, language_identifier(settings.languages)).check)
    if index is not None:
        checks.append(lambda text: _contaminated(index, text))
    return checks


def _contaminated(index: EvaluationIndex, text: str) -> Unusable | None:
    found = index.find(text)
    if found is None:
        return None
    reason = f"shares {found.share:.0%} of its word n-grams with the evaluation prompt {found.name}"
    return Unusable(kind=RejectKind.CONTAMINATED, reason=reason, raw=shown(text))
