"""Reads the checkers of a prompts file: rows of {"prompt": "...", "checkers": ["def evaluate(response): ..."]}.

The prompts themselves, and what is wrong with a row, are `spar.data.readers.prompts`'. Runs no checker.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from spar.errors import DataError
from spar.method.checking import CheckedPrompt
from spar.method.records import Prompt


def read_checkers(path: Path, prompts: Sequence[Prompt]) -> list[CheckedPrompt]:
    """Those of the given prompts, in their order. Raises DataError naming a prompt that has none."""
    found: dict[str, tuple[str, ...]] = {}
    with path.open("rb") as lines:
        for line in lines:
            text, checkers = _checked(line)
            if checkers:
                found.setdefault(text, checkers)
    missing = [prompt.text for prompt in prompts if prompt.text not in found]
    if missing:
        raise DataError(
            f"{path}: {len(missing)} prompts have no checkers, the first is {missing[0][:80]!r}.",
            'Give each row "checkers": a list of Python sources with a function evaluate(response).',
        )
    return [CheckedPrompt(prompt.id, found[prompt.text]) for prompt in prompts]


def _checked(line: bytes) -> tuple[str, tuple[str, ...]]:
    """A row that holds no prompt, or no sources, has no checkers; that it is none is told where prompts are read."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "", ()
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        return "", ()
    checkers = row.get("checkers")
    if not isinstance(checkers, list) or not all(isinstance(source, str) and source.strip() for source in checkers):
        return row["prompt"], ()
    return row["prompt"], tuple(checkers)
