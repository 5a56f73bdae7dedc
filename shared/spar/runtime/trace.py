"""Calls of models as a pilot recorded them: the size of each request, the lengths of its replies, and when.

As records and as a file. Knows nothing of which steps made them.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from spar.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCall:
    """One call. `kind` is that of its step, by `spar.recipes.init.step_name`; `unit` is the prompt (or the item of an
    evaluation) that it was made for; `part` an evaluation's part.

    `lengths` are the tokens of its replies, none if it was cancelled. Times are seconds on one clock.
    """

    kind: str
    part: str
    unit: str
    prompt_tokens: int
    lengths: tuple[int, ...]
    began: float
    ended: float

    @property
    def completion_tokens(self) -> int:
        return sum(self.lengths)


def append_calls(path: Path, calls: Iterable[TracedCall]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for call in calls:
            file.write(json.dumps(asdict(call)) + "\n")


def read_calls(path: Path) -> list[TracedCall]:
    """Those of every process that worked on the pilot; each has its own clock, and they ran one after another."""
    if not path.exists():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [TracedCall(**{**row, "lengths": tuple(row["lengths"])}) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} cannot be read: {error}.", "Delete it and the pilot's --dir, and run it again."
        ) from error
