"""Reads seed prompts from source files: every row becomes a seed prompt or an ended row, one by one.

Sources are read as in an import (`spar.data`). Knows nothing of what happens to seed prompts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spar.data.layouts import LeftOut, PromptRules, find_prompt
from spar.data.rows import Fields, Unusable, shown, storable
from spar.data.sources import Options, read_source
from spar.data.words import normal_form, number_of
from spar.evolution.records import EvolutionOutcome
from spar.method.records import Prompt


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed prompt, and where it came from: the source by name, the row from 1, and the row's id if it has one."""

    prompt: Prompt
    source: str
    row: int
    id: str | None
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A row without a usable seed prompt."""

    source: str
    row: int
    outcome: EvolutionOutcome
    reason: str
    text: str


def read_seeds(
    sources: Sequence[str], options: Options, rules: PromptRules, limit: int | None = None
) -> Iterator[Seed | Ended]:
    """At most `limit` rows, in order. Raises DataError for an unreadable source, at once or where it is malformed."""
    seen: dict[int, tuple[str, int]] = {}
    read = 0
    for source in sources:
        for row, fields in read_source(source, options):
            if limit is not None and read >= limit:
                return
            read += 1
            found = _seed(source, row, fields, options, rules)
            if isinstance(found, Ended):
                yield found
                continue
            first = seen.setdefault(number_of(normal_form(found.prompt.text)), (source, row))
            if first == (source, row):
                yield found
            else:
                where = f"row {first[1]}" if first[0] == source else f"row {first[1]} of {first[0]}"
                yield _ended(source, row, EvolutionOutcome.REPEATED_SEED, f"the same prompt as in {where}", found)


def _seed(source: str, row: int, fields: Fields | Unusable, options: Options, rules: PromptRules) -> Seed | Ended:
    if isinstance(fields, Unusable):
        return _unreadable(source, row, fields)
    found = find_prompt(fields, options.layout, options.field, rules)
    if isinstance(found, Unusable):
        return _unreadable(source, row, found)
    unstorable = storable(found.text)
    if unstorable is not None:
        return _unreadable(source, row, unstorable)
    return Seed(Prompt.of(found.text), source, row, found.id, found.left_out)


def _unreadable(source: str, row: int, why: Unusable) -> Ended:
    return Ended(
        source=source,
        row=row,
        outcome=EvolutionOutcome.UNREADABLE,
        reason=f"{why.kind.value}: {why.reason}",
        text=shown(why.raw),
    )


def _ended(source: str, row: int, outcome: EvolutionOutcome, reason: str, seed: Seed) -> Ended:
    return Ended(source=source, row=row, outcome=outcome, reason=reason, text=shown(seed.prompt.text))
