"""The file that `spar prompts checkers` writes: one row per prompt as it finishes, so that a stop loses nothing.

A kept prompt's row has the form of a recipe's prompts file: {"prompt", "checkers"}. The others go to a file beside it,
with the reason. Knows nothing of how checkers are written.

AutoIF's prompts are a user's query and an instruction that its response has to follow: each kept instruction is
combined with some queries, drawn by seed (arXiv 2406.13542, section 3.2), in a third file.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from spar.data.readers.prompts import usable_prompts
from spar.data.row_file import append_rows, rows_of
from spar.errors import DataError
from spar.roles.verified_checkers import CheckerOutcome, CheckerStatus


@dataclass(kw_only=True)
class CheckerFile:
    """Opened by one process; `done` are the prompts of earlier calls, `ends` counts those of all."""

    kept: Path
    dropped: Path
    done: set[str] = field(default_factory=set)
    ends: Counter[str] = field(default_factory=Counter)

    @classmethod
    def open(cls, path: Path) -> "CheckerFile":
        """Read what is there. A last line that a kill cut in two is taken off, and its prompt done again."""
        opened = cls(kept=path, dropped=path.with_name(f"{path.stem}.dropped.jsonl"))
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (opened.kept, opened.dropped):
            for row in rows_of(file):
                opened.done.add(str(row["prompt"]))
                opened.ends[str(row.get("reason", CheckerStatus.KEPT))] += 1
        return opened

    def add(self, prompt: str, outcome: CheckerOutcome) -> None:
        """Raises OSError when the disk does."""
        kept = outcome.end is CheckerStatus.KEPT
        row = {"prompt": prompt, **({"checkers": outcome.sources} if kept else {"reason": outcome.end})}
        append_rows(self.kept if kept else self.dropped, [row])
        self.done.add(prompt)
        self.ends[outcome.end.value] += 1


LENGTHS = range(21, 300)
"""Characters of a query, as in AutoIF's released code: a short one is too vague, a long one is a task by itself."""


@dataclass(frozen=True, slots=True)
class Queries:
    """`unfit` counts those that are too short or too long."""

    texts: list[str]
    unfit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    path: Path
    rows: int
    instructions: int


def queries_of(path: Path) -> Queries:
    """Raises DataError for a file without a query of a fitting length."""
    found = usable_prompts(path, 1).prompts
    fitting = [text for text in found if len(text) in LENGTHS]
    if not fitting:
        raise DataError(
            f"None of the {len(found)} queries in {path} has {LENGTHS.start} to {LENGTHS.stop - 1} characters.",
            "Give queries of such a length.",
        )
    return Queries(fitting, len(found) - len(fitting))


def write_joined(checked: Path, queries: Queries, each: int, seed: int) -> Joined:
    """The prompts file beside the checked instructions, rewritten: one row for an instruction and a query."""
    path = checked.with_name(f"{checked.stem}.prompts.jsonl")
    path.unlink(missing_ok=True)
    rows = instructions = 0
    for row in rows_of(checked):
        rng = random.Random(f"queries:{seed}:{row['prompt']}")
        some = rng.sample(queries.texts, min(each, len(queries.texts)))
        append_rows(path, [{"prompt": f"{query}\n{row['prompt']}", "checkers": row["checkers"]} for query in some])
        rows, instructions = rows + len(some), instructions + 1
    return Joined(path=path, rows=rows, instructions=instructions)
