"""Gathers all that one run is into an archive. Knows neither homes nor stacks, only a database and a store."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlmodel import Session

from spar.db.schema import schemas
from spar.errors import ModelUnusable, ObjectMissing
from spar.runtime.models import STORE
from spar.store.base import ObjectStore
from spar.store.model_files import (
    MANIFEST,
    ModelManifest,
    describe_folder,
    folder_fingerprint,
    model_key,
    read_model_manifest,
)
from spar.upkeep.manifest import ArchiveManifest, Member
from spar.upkeep.named import DIR, Named, named_by
from spar.upkeep.pack import Part, of_bytes, of_file, of_object, write_archive
from spar.upkeep.rows import Record, Records, read_records


def archive_run(
    path: Path, session: Session, store: ObjectStore, run_id: str, files: Mapping[str, bytes], with_models: bool = True
) -> ArchiveManifest:
    """Write the run's archive; `files` are those of `RUN_FILES` that there are. Nothing may work on the run meanwhile.

    Models that were given as folders are taken along as the store's. Raises DataError, StoreError, ModelUnusable.
    """
    found = read_records(session, run_id)
    named = named_by(found, store)
    folders = _folders(named) if with_models else {}
    records = moved_to_store(found, set(folders))
    parts = [
        *(of_bytes(f"database/{table}.jsonl", as_lines(rows)) for table, rows in records.items()),
        *(of_bytes(f"run/{name}", data) for name, data in sorted(files.items())),
        *(of_object(f"store/{key}", store, key) for key in sorted(named.objects)),
    ]
    if with_models:
        for fingerprint in sorted({*named.stored_models, *folders}):
            folder = folders.get(fingerprint)
            parts += _of_stored(store, fingerprint) if folder is None else _of_folder(fingerprint, folder)
    left_out = () if with_models else tuple(named.stored_models)
    written: list[ArchiveManifest] = []

    def describe(members: tuple[Member, ...]) -> ArchiveManifest:
        manifest = ArchiveManifest(
            schema_version=schemas()[0], run_id=run_id, models_left_out=left_out, members=members
        )
        written.append(manifest)
        return manifest

    write_archive(path, parts, describe)
    return written[0]


def as_lines(rows: Iterator[Record] | Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n" for row in rows).encode()


def moved_to_store(records: Records, fingerprints: set[str]) -> dict[str, list[Record]]:
    """The records with these models in the store, whatever folder they were given as."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("fingerprint") in fingerprints and str(value.get("location", "")).startswith(DIR):
                return {**value, "location": STORE}
            return {name: moved(each) for name, each in value.items()}
        return [moved(each) for each in value] if isinstance(value, list) else value

    return {table: [moved(row) for row in rows] for table, rows in records.items()}


def _folders(named: Named) -> dict[str, Path]:
    """Of models that were given as folders, as they still are. Raises ModelUnusable."""
    folders = {
        fingerprint: Path(location.removeprefix(DIR))
        for fingerprint, location in named.models.items()
        if location.startswith(DIR)
    }
    for fingerprint, folder in folders.items():
        if not folder.is_dir() or folder_fingerprint(folder) != fingerprint:
            raise ModelUnusable(
                f"The model that the run was given in {folder} is not there any more, or has changed.",
                "Put its files back, or archive the run without its models: --without-models.",
            )
    return folders


def _of_stored(store: ObjectStore, fingerprint: str) -> list[Part]:
    try:
        manifest = read_model_manifest(store, fingerprint)
    except ObjectMissing as error:
        raise ObjectMissing(
            f"The model {fingerprint} of the run is not in the store.",
            "Repair the run with `spar doctor RUN --fix`, or archive it without its models: --without-models.",
            error.key,
        ) from error
    parts = [
        of_object(f"store/{key}", store, key, Member(name=f"store/{key}", size=file.size, sha256=file.sha256))
        for file in manifest.files
        for key in [model_key(fingerprint, file.name)]
    ]
    key = model_key(fingerprint, MANIFEST)
    return [*parts, of_object(f"store/{key}", store, key)]  # last: a model is there when its manifest is


def _of_folder(fingerprint: str, folder: Path) -> list[Part]:
    files = describe_folder(folder)
    manifest = ModelManifest(fingerprint=fingerprint, files=files)
    parts = [of_file(f"store/{model_key(fingerprint, file.name)}", folder / file.name) for file in files]
    head = manifest.model_dump_json(indent=1).encode()
    return [*parts, of_bytes(f"store/{model_key(fingerprint, MANIFEST)}", head)]
