"""Instructions with queries: AutoIF's prompts are a user's query and an instruction that its response has to follow.

Each instruction that has checkers goes with some queries, drawn by seed (arXiv 2406.13542, section 3.2). Asks no model.
"""

import random
from dataclasses import dataclass
from pathlib import Path

from spar.cli.row_file import append_rows, rows_of
from spar.data.readers.prompts import usable_prompts
from spar.errors import DataError

LENGTHS = range(21, 300)
"""Characters of a query, as in AutoIF's released code: a short one says too little, a long one is a task of its own."""


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
    """The prompts file beside the checked instructions, written anew: one row for an instruction and a query."""
    path = checked.with_name(f"{checked.stem}.prompts.jsonl")
    path.unlink(missing_ok=True)
    rows = instructions = 0
    for row in rows_of(checked):
        rng = random.Random(f"queries:{seed}:{row['prompt']}")
        some = rng.sample(queries.texts, min(each, len(queries.texts)))
        append_rows(path, [{"prompt": f"{query}\n{row['prompt']}", "checkers": row["checkers"]} for query in some])
        rows, instructions = rows + len(some), instructions + 1
    return Joined(path=path, rows=rows, instructions=instructions)
