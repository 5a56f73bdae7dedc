"""What an evolution says of itself: settings, sources, outcomes that add up, what it took, what came out.

Knows nothing of how it is made. The same evolution again finds its manifest and does nothing.
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
    """What the teacher was asked, over all attempts at this evolution; money is None where no price was told.

    `failed_replies` maps `evolve_...` and `check_...` to replies that were no data, those that were asked again too.
    `estimated_tokens`, of both kinds, were not counted by the server; so the money for them is an estimate as well.
    `adjustments` counts the replies to requests that were not sent as set.
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
    """Evolved prompts whose seed prompt does without a part of its row, by what it is."""
    taken: EvolutionUsage
    statistics: dict[str, Any]
    files: dict[str, str]

    def fits(self, settings: dict[str, Any], sources: list[dict[str, str | int]]) -> bool:
        return (self.settings, self.sources) == (settings, sources)

    def is_whole(self, folder: Path) -> bool:
        """Its files are as they were written."""
        return holds(folder, self.files)

    @property
    def owes(self) -> bool:
        """Whether shards were given up, which the same evolution tries again."""
        return self.outcomes[EvolutionOutcome.ENGINE_FAILED] > 0

    def write(self, folder: Path) -> None:
        text = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def check_sum(rows: int, outcomes: Counter[EvolutionOutcome]) -> None:
    """Raises AccountingError if a row has no outcome, or two."""
    if rows != outcomes.total():
        raise AccountingError(f"Of {rows} rows {outcomes.total()} have an outcome.")


def earlier_manifest(out: Path, work: str) -> EvolutionManifest | None:
    """The evolution that is there. Raises DataError if something else is; what an interrupted one left is nothing."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name a folder: --out DIR.")
    path = out / MANIFEST
    if not path.is_file():
        if out.is_dir() and any(out.iterdir()) and not (out / work).is_dir():
            raise DataError(f"{out} is not empty, and no evolution.", "Choose another --out.")
        return None
    try:
        found = EvolutionManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is not the manifest of an evolution.", "Choose another --out.") from error
    if found.kind != KIND:
        raise DataError(f"{path} is not the manifest of an evolution.", "Choose another --out.")
    return found
