"""A few prompts of each iteration with all of their replies, for a report: some of every outcome, chosen by their ids.

Ids are hashes of texts, so their order is effectively random and always the same. Texts are cut to fit a page.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass, replace
from itertools import zip_longest
from typing import Any, TypeVar

from spar.errors import ObjectLost
from spar.report.history import HistoryReader, PromptEntry, PromptHistory
from spar.report.model import PromptReplies, ReplySample

MOST_PROMPTS = 10
"""Of an iteration: a prompt has up to some hundred replies, and a report stays a page that a browser opens."""
HEAD, TAIL = 1000, 400
"""Characters that are kept of a longer text: its beginning, and its end, where a verdict stands."""

T = TypeVar("T")


def reply_sample(reader: HistoryReader, iteration: int) -> ReplySample:
    """Of the prompts that have responses, as many of each outcome as fit. Prompts whose results are missing from the
    store are counted."""
    entries, generated = list(reader.entries(iteration=iteration)), reader.generated_shards(iteration)
    shown, lost = [], 0
    for entry in chosen(each for each in entries if each.shard in generated):
        try:
            shown.append(_replies(reader.history(entry)))
        except ObjectLost:
            lost += 1
    return ReplySample(iteration=iteration, prompts=len(entries), shown=shown, lost=lost)


def chosen(entries: Iterable[PromptEntry]) -> list[PromptEntry]:
    """One of each outcome, then a second one of each, and so on, up to MOST_PROMPTS; sorted by outcome again."""
    by_outcome: defaultdict[str, list[PromptEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: (entry.prompt.id, entry.position)):
        by_outcome[entry.outcome or ""].append(entry)
    rounds: Iterable[Sequence[PromptEntry | None]] = zip_longest(*(by_outcome[name] for name in sorted(by_outcome)))
    in_turn = [entry for turn in rounds for entry in turn if entry is not None]
    return sorted(in_turn[:MOST_PROMPTS], key=lambda entry: (entry.outcome or "", entry.position))


def _replies(history: PromptHistory) -> PromptReplies:
    return PromptReplies(
        position=history.position,
        outcome=history.outcome,
        prompt=shortened(history.prompt),
        generated=shortened(history.generated),
        judged=shortened(history.judged),
        tree=shortened(history.tree),
    )


def shortened(value: T) -> T:
    """A record with all its long texts cut, at any depth, each with the number of characters left out."""
    short: Any = value
    if isinstance(value, str) and len(value) > HEAD + TAIL:
        left_out = len(value) - HEAD - TAIL
        short = f"{value[:HEAD]} [... {left_out:,} characters left out ...] {value[-TAIL:]}"
    elif isinstance(value, tuple):
        short = tuple(shortened(each) for each in value)
    elif is_dataclass(value) and not isinstance(value, type):
        short = replace(value, **{each.name: shortened(getattr(value, each.name)) for each in fields(value)})
    result: T = short
    return result
