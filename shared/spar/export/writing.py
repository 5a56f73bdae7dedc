"""Writes an export: the rows, their lineage, accompanying files for the trainer, a manifest and a card.

Everything is written to a folder beside the output and then renamed, so an existing folder is complete.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from spar.errors import DataError
from spar.export.card import write_card
from spar.export.facts import ExportedIteration, Origin, RunFacts
from spar.export.formats import FORMATS, Format, FormatName, SetName
from spar.export.layouts import Row
from spar.hashing import file_sha256

LINEAGE = "lineage.jsonl"
MANIFEST = "manifest.json"
_SEE_WHY = {
    Origin.RUN: "For the reason, see spar report.",
    Origin.REFINEMENTS: "For the reason, see its rows' `outcome`, and `judgment` or `tree`.",
}
_BATCH = 1000  # rows of a Parquet file in memory at once


def check_free(out: Path) -> None:
    """Raises DataError unless `out` is missing or empty."""
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file.", "Name an empty or new folder: --out DIR.")
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out} is not empty.", "Choose another --out, or empty it.")


def write_export(
    run: RunFacts,
    data: list[ExportedIteration],
    sets: list[SetName],
    name: FormatName,
    out: Path,
    licence: str | None = None,
) -> dict[str, Any]:
    """Write the export and return its manifest. A set without rows is left out; raises DataError if all are."""
    check_free(out)
    found = [one for one in sets if any(True for _ in _records(data, one))]
    if not found:
        raise DataError(f"No {' and no '.join(sets)} in {run.title}.", _SEE_WHY[run.origin])
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        manifest = _write(half, run, data, found, name, licence)
        half.replace(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return manifest


def _write(
    half: Path,
    run: RunFacts,
    data: list[ExportedIteration],
    sets: list[SetName],
    name: FormatName,
    licence: str | None,
) -> dict[str, Any]:
    format_ = FORMATS[name]
    rows = {one: _write_rows(half, format_, one, data) for one in sets}
    for file, text in format_.beside(sets).items():
        (half / file).write_text(text, encoding="utf-8")
    (half / "recipe.yaml").write_text(yaml.safe_dump(run.recipe, sort_keys=False, allow_unicode=True), encoding="utf-8")
    manifest = _manifest(run, data, name, rows)
    write_card(half / "README.md", run, manifest, licence)
    manifest["files"] = {path.name: file_sha256(path) for path in sorted(half.iterdir())}
    (half / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def _records(data: list[ExportedIteration], name: SetName) -> Iterator[tuple[ExportedIteration, Any]]:
    for one in data:
        for record in one.pairs if name == "pairs" else one.examples:
            yield one, record


def _write_rows(half: Path, format_: Format, name: SetName, data: list[ExportedIteration]) -> int:
    written = 0
    file = format_.file(name)

    def rows() -> Iterator[Row]:
        nonlocal written
        with (half / LINEAGE).open("a", encoding="utf-8") as lineage:
            for one, record in _records(data, name):
                origin = _origin(one, name, record)
                lineage.write(json.dumps({"file": file, "row": written, **origin}) + "\n")
                written += 1
                row = format_.pair(record) if name == "pairs" else format_.example(record)
                yield row if format_.suffix == "jsonl" else {**row, **origin}

    _write_lines(half / file, rows()) if format_.suffix == "jsonl" else _write_parquet(half / file, rows())
    return written


def _origin(one: ExportedIteration, name: SetName, record: Any) -> dict[str, Any]:
    kind = {} if name == "pairs" else {"kind": record.kind.value}
    prompt_id = record.prompt.id if name == "pairs" else record.prompt_id
    if one.source is None:
        return {"iteration": one.iteration, "prompt_id": prompt_id, **kind}
    return {"source": one.source, "lines": list(one.lines.get(prompt_id, ())), "prompt_id": prompt_id, **kind}


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(path: Path, rows: Iterator[Row]) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    writer = None
    while batch := [row for _, row in zip(range(_BATCH), rows, strict=False)]:
        table = pyarrow.Table.from_pylist(batch, schema=writer.schema if writer else None)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def _manifest(
    run: RunFacts, data: list[ExportedIteration], name: FormatName, rows: dict[SetName, int]
) -> dict[str, Any]:
    return {
        "format": name,
        "spar": run.version,
        "run": run.run_id,
        "run_status": run.status,
        "origin": run.origin.value,
        "recipe": run.recipe.get("name"),
        "start": run.start,
        "rows": rows,
        "sets": {one: FORMATS[name].file(one) for one in rows},
        "iterations": [_iteration(one) for one in data],
    }


def _iteration(one: ExportedIteration) -> dict[str, Any]:
    return {
        "iteration": one.iteration,
        **({} if one.source is None else {"source": one.source}),
        "actor": one.actor,
        "refiner": one.refiner,
        "actor_after": one.actor_after,
        "refiner_after": one.refiner_after,
        "prompts": one.prompts,
        "outcomes": one.outcomes,
        "pairs": len(one.pairs),
        "examples": dict(sorted(Counter(example.kind.value for example in one.examples).items())),
    }
