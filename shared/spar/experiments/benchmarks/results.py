"""Where evaluations are stored: OUT/<benchmark>-<fingerprint>/ for each, and OUT/calls/ for the models' replies.

    result.json    counts, scores, intervals, tables, settings, usage      items.jsonl    every item with its response
    answers.jsonl  the rows that were scored, as `spar eval --answers` takes them

The fingerprint is of all settings: the same evaluation is found again, and another one never overwrites it. Calls no
model.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spar.errors import DataError
from spar.evaluation.benchmarks.report import BenchmarkReport, item_json
from spar.evaluation.benchmarks.requests import Row
from spar.evaluation.benchmarks.rows import encode

RESULT, ITEMS, ANSWERS = "result.json", "items.jsonl", "answers.jsonl"


def folder_of(out: Path, benchmark: str, settings: Mapping[str, Any]) -> Path:
    canonical = json.dumps(dict(settings), sort_keys=True)
    return out / f"{benchmark}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def write(folder: Path, report: BenchmarkReport, rows: Sequence[Row], more: Mapping[str, Any]) -> dict[str, Any]:
    """Store an evaluation and return it; result.json is written last and atomically, once the rest is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ANSWERS).write_bytes(encode(rows))
    (folder / ITEMS).write_bytes(encode([item_json(item) for item in report.items]))
    result = report.as_json() | dict(more)
    partial = folder / f"{RESULT}.partial"
    partial.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / RESULT)
    return result


def read_result(folder: Path) -> dict[str, Any] | None:
    """The stored evaluation; None if there is none."""
    path = folder / RESULT
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def read_correct(place: Path) -> dict[str, bool]:
    """Which items were correct: of a result's folder, or of a file that `--items` wrote. Raises DataError."""
    path = place / ITEMS if place.is_dir() else place
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {str(row["item"]): bool(row["correct"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} has no scored items ({error}).", "Name the folder of an evaluation, or a file that --items wrote."
        ) from error
