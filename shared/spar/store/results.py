"""Where results lie in the store, and reading them back only as they were written.

The key of an object ends with the SHA-256 of its bytes, so what was read can be checked against its own name.
This file knows nothing of what is inside, nor which sha256 a fingerprint has: the database does.
"""

import hashlib
from dataclasses import dataclass

from spar.errors import ObjectCorrupt
from spar.store.base import ObjectStore

RUN_REPORTS = "run_reports"
"""Reports of ended runs, as `run_reports/<run>/<identity>/<sha256>`: of each run those of its newest identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object as messages and the database name it; `size` in bytes."""

    key: str
    sha256: str
    size: int


def result_key(fingerprint: str, sha256: str) -> str:
    return f"results/{fingerprint}/{sha256}"


def put_result(store: ObjectStore, fingerprint: str, data: bytes) -> StoredObject:
    """Store what a step wrote for a shard."""
    return put_blob(store, f"results/{fingerprint}", data)


def put_blob(store: ObjectStore, prefix: str, data: bytes) -> StoredObject:
    """Store bytes as `<prefix>/<sha256 of the bytes>`."""
    sha256 = hashlib.sha256(data).hexdigest()
    stored = StoredObject(key=f"{prefix}/{sha256}", sha256=sha256, size=len(data))
    store.put(stored.key, data)
    return stored


def get_verified(store: ObjectStore, key: str) -> bytes:
    """The bytes of an object whose key ends with their SHA-256. Raises ObjectMissing, ObjectCorrupt."""
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != key.rpartition("/")[2]:
        raise ObjectCorrupt(
            f"The object {key} is not what was written: its bytes do not have the SHA-256 that its key says.",
            "Check the disk, and restore the object; or start the run again in a new directory or bucket.",
            key,
        )
    return data
