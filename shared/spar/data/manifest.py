"""The manifest of an import: its settings, its sources, and counts that add up. Knows nothing of how it is made."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from spar.data.layouts import LeftOut
from spar.data.rows import RejectKind
from spar.errors import AccountingError, DataError
from spar.hashing import holds

MANIFEST = "manifest.json"
FORMAT = 1


class ImportCounts(BaseModel):
    """Counts of the rows of all sources: read = sft + self_play + the sum of rejected."""

    model_config = ConfigDict(frozen=True)

    read: int
    rejected: dict[str, int]
    sft: int
    self_play: int
    left_out: dict[str, int] = {}
    """Prompts whose row has a part that was left out, by part: later turns, tools, a system message."""

    @classmethod
    def of(
        cls, read: int, rejected: Counter[RejectKind], sft: int, self_play: int, left_out: Mapping[str, int]
    ) -> "ImportCounts":
        """Raises AccountingError if a row is missing."""
        if read != sft + self_play + rejected.total():
            raise AccountingError(f"Of {read} rows {sft + self_play} were kept and {rejected.total()} rejected.")
        by_kind = {kind.value: rejected[kind] for kind in RejectKind}
        without = {what.value: left_out.get(what, 0) for what in LeftOut}
        return cls(read=read, rejected=by_kind, sft=sft, self_play=self_play, left_out=without)

    @property
    def kept(self) -> int:
        return self.sft + self.self_play


class UnusedSource(BaseModel):
    """Why a source had no usable row, and what to do."""

    model_config = ConfigDict(frozen=True)

    why: str
    fix: str


class SetManifest(BaseModel):
    """`files` maps the name of each written file to the SHA-256 of its bytes."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    settings: dict[str, Any]
    sources: list[dict[str, str | int]]
    evaluation: list[dict[str, str | int]]
    evaluation_prompts: int
    counts: ImportCounts
    read_by_source: dict[str, int]
    notes: dict[str, str] = {}
    """What was detected in a source in order to read it, such as its delimiter."""
    unused: dict[str, UnusedSource] = {}
    """The sources without a usable row."""
    files: dict[str, str]

    def fits(self, settings: dict[str, Any], sources: list[dict[str, str | int]], evaluation: Any) -> bool:
        return (self.settings, self.sources, self.evaluation) == (settings, sources, evaluation)

    def is_whole(self, folder: Path) -> bool:
        return holds(folder, self.files)

    def write(self, folder: Path) -> None:
        text = json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> SetManifest | None:
    """The manifest of an earlier import, None if there is none. Raises DataError if the file is something else."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return SetManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is not the manifest of an import.", "Choose another --out.") from error
