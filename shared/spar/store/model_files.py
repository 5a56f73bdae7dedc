"""What a model in the store consists of: its manifest, and its files one by one, verified by their SHA-256.

This file knows names and hashes; what makes a folder a usable model is known to engines and trainers.
"""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict, ValidationError

from spar.errors import ModelUnusable, ObjectCorrupt, ObjectLost
from spar.hashing import file_sha256
from spar.store.base import ObjectStore
from spar.store.files import disk_error
from spar.store.keys import check_key

MANIFEST = "manifest.json"


class ModelFile(BaseModel):
    """One file of a model; `name` is relative to the model's folder, `size` in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    size: int
    sha256: str


class ModelManifest(BaseModel):
    """Everything a model consists of, sorted by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    fingerprint: str
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def folder_fingerprint(folder: Path) -> str:
    """What identifies a model that was given as a folder: a hash of its files' names and bytes.

    README files and hidden files don't count. Raises ModelUnusable for a folder without files.
    """
    listing = [(file.name, file.sha256) for file in describe_folder(folder)]
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()


def read_model_manifest(store: ObjectStore, fingerprint: str) -> ModelManifest:
    """What the model consists of. Raises ObjectMissing, and ObjectCorrupt for a manifest that is not one."""
    key = model_key(fingerprint, MANIFEST)
    data = store.get(key)
    try:
        manifest = ModelManifest.model_validate_json(data)
    except ValidationError as error:
        raise _corrupt(key, f"it is no manifest of a model ({str(error)[:200]})") from error
    if manifest.fingerprint != fingerprint:
        raise _corrupt(key, f"it is the manifest of {manifest.fingerprint}")
    for file in manifest.files:
        check_key(file.name)  # a name becomes a path: nothing may lead out of the folder
    return manifest


def fetch_model_file(store: ObjectStore, fingerprint: str, file: ModelFile, folder: Path) -> None:
    """Put one file of a model into a folder, unless it is there already. Raises ObjectCorrupt."""
    path = folder / file.name
    if path.is_file() and file_sha256(path) == file.sha256:
        return  # from a fetch that was killed
    key = model_key(fingerprint, file.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    store.get_file(key, path)
    if file_sha256(path) != file.sha256:
        path.unlink()
        raise _corrupt(key, "its bytes do not have the SHA-256 that the manifest says")


def whole_model(store: ObjectStore, fingerprint: str) -> ModelManifest | None:
    """The model's manifest if every file of it is there as it was written: each is read once. None if one is lost."""
    with TemporaryDirectory(prefix="spar-model-") as scratch:
        try:
            manifest = read_model_manifest(store, fingerprint)
            for file in manifest.files:
                fetch_model_file(store, fingerprint, file, Path(scratch))
                (Path(scratch) / file.name).unlink()
        except ObjectLost:
            return None
    return manifest


def describe_folder(folder: Path) -> tuple[ModelFile, ...]:
    """Names, sizes in bytes and SHA-256 of a model's files, sorted by name. Raises ModelUnusable, StoreError."""
    try:
        paths = sorted(path for path in folder.rglob("*") if _counts(path.relative_to(folder)) and path.is_file())
        files = tuple(
            ModelFile(
                name=check_key(path.relative_to(folder).as_posix()),
                size=path.stat().st_size,
                sha256=file_sha256(path),
            )
            for path in paths
        )
    except OSError as error:
        raise disk_error(error, f"Reading the model {folder}") from error
    if not files:
        raise ModelUnusable(
            f"There are no model files in {folder}.",
            "Name a directory that holds a model: config.json, tokenizer files and *.safetensors.",
        )
    return files


def _counts(name: Path) -> bool:
    """Whether a file belongs to the model: not a README, nothing hidden, no manifest of ours."""
    hidden = any(part.startswith(".") for part in name.parts)
    return not hidden and not name.name.upper().startswith("README") and name.as_posix() != MANIFEST


def model_key(fingerprint: str, name: str) -> str:
    return check_key(f"models/{fingerprint}/{name}")


def _corrupt(key: str, why: str) -> ObjectCorrupt:
    return ObjectCorrupt(
        f"The object {key} is not what was written: {why}.",
        "Remove the model's objects from the store and run again: the model is made or given again.",
        key,
    )
