"""The manifest of an evolution: settings, sources, outcomes that add up, usage, output files.

Knows nothing of how it is made. Repeating the same evolution finds the manifest and does nothing.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spar.errors import AccountingError, DataError
from spar.evolution.records import EvolutionOutcome
from spar.hashing import holds

MANIFEST = "manifest.json"
KIND = "evolution"


class EvolutionUsage(BaseModel):
    """The calls to the teacher, over all attempts at this evolution; `money` is None if no price was given.

    `failed_replies` maps `evolve_...` and `check_...` to the number of unusable replies, including retried ones.
    `estimated_tokens`, of both kinds, were not counted by the server, so their cost is an estimate as well.
    `adjustments` counts the replies to requests that had to be adapted to the server.
    """

    model_config = ConfigDict(frozen=True)

    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float | None
    failed_replies: dict[str, int]
    estimated_tokens: int = 0
    adjustments: dict[str, int] = {}


class EvolutionManifest(BaseModel):
    """`files` maps the name of each written file to the SHA-256 of its bytes; rows = the sum of `outcomes`."""

    model_config = ConfigDict(frozen=True)

    kind: str = KIND
    format: int = 1
    settings: dict[str, Any]
    sources: list[dict[str, str | int]]
    rows: int
    outcomes: dict[str, int]
    left_out: dict[str, int] = {}
    """Evolved prompts whose seed's row has a part that was left out, by part."""
    taken: EvolutionUsage
    statistics: dict[str, Any]
    files: dict[str, str]

    def fits(self, settings: dict[str, Any], sources: list[dict[str, str | int]]) -> bool:
        return (self.settings, self.sources) == (settings, sources)

    def is_whole(self, folder: Path) -> bool:
        """Whether its files are unchanged."""
        return holds(folder, self.files)

    @property
    def owes(self) -> bool:
        """Whether shards were given up, which a rerun retries."""
        return self.outcomes[EvolutionOutcome.ENGINE_FAILED] > 0

    def write(self, folder: Path) -> None:
        text = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def check_sum(rows: int, outcomes: Counter[EvolutionOutcome]) -> None:
    """Raises AccountingError if a row has no outcome, or two."""
    if rows != outcomes.total():
        raise AccountingError(f"Of {rows} rows {outcomes.total()} have an outcome.")


def earlier_manifest(out: Path, work: str) -> EvolutionManifest | None:
    """The existing evolution, if any; leftovers of an interrupted one do not count. Raises DataError for other data."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder: --out DIR.")
    path = out / MANIFEST
    if not path.is_file():
        if out.is_dir() and any(out.iterdir()) and not (out / work).is_dir():
            raise DataError(f"{out} is not empty and does not hold an evolution.", "Choose another --out.")
        return None
    try:
        found = EvolutionManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is not the manifest of an evolution.", "Choose another --out.") from error
    if found.kind != KIND:
        raise DataError(f"{path} is not the manifest of an evolution.", "Choose another --out.")
    return found
