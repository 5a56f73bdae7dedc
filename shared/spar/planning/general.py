"""Calls and tokens of the general benchmarks that lm-eval runs, estimated from its tasks.

A task has as many items as its published test set; a user's own tasks, as many as the rows of the data beside them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spar.evaluation.benchmarks.rows import read_bytes
from spar.evaluation.general_sets import is_own
from spar.planning.call_estimates import PROMPT_TOKENS, CallEstimate, calls
from spar.recipes.models import GeneralSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSize:
    """One task: its items, the parts that a limit applies to, and for each item the calls and tokens in and out."""

    items: int
    parts: int = 1
    calls: int = 1
    prompt_tokens: int = PROMPT_TOKENS
    reply_tokens: int = 256  # lm-eval's default


SIZES: Mapping[str, TaskSize] = {
    "gsm8k": TaskSize(items=1319, prompt_tokens=1000),  # five worked examples in every prompt
    "triviaqa": TaskSize(items=17944, prompt_tokens=40),
    "mmlu": TaskSize(items=14042, parts=57, calls=4, reply_tokens=1),  # each choice's likelihood
    "humaneval": TaskSize(items=164, reply_tokens=1024),
}


def general_items(settings: GeneralSettings) -> Iterator[tuple[str, int]]:
    """The number of items of each task under the limit. Raises DataError for data that cannot be read."""
    for task in settings.tasks:
        size = SIZES.get(task) or TaskSize(items=_rows_beside(settings.data))
        most = size.items if settings.limit is None else settings.limit * size.parts
        yield task, min(size.items, most)


def calls_of(task: str, items: int, settings: GeneralSettings) -> CallEstimate:
    """The calls for one model."""
    size = SIZES.get(task, TaskSize(items=items))
    longest = size.reply_tokens if settings.max_tokens is None or size.reply_tokens == 1 else settings.max_tokens
    return calls(items * size.calls, longest, size.prompt_tokens)


def _rows_beside(data: str | None) -> int:
    place = Path(data) if data is not None else None
    if place is None or not is_own(place):
        return 0
    files = sorted(place.rglob("*.jsonl"))
    return sum(bool(line.strip()) for file in files for line in read_bytes(file).splitlines())
