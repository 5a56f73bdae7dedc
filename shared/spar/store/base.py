"""The seam to the object store: immutable bytes under keys.

Keys are `/`-separated names of [A-Za-z0-9._-]; results are `results/<fingerprint>/<sha256 of the bytes>`, so
an object never changes once written. Every adapter is held to tests/contract/test_store.py. The store knows
nothing of what the bytes mean.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol


class ObjectStore(Protocol):
    """Blocking calls; safe from several threads. Failures are StoreError, never a half-written object."""

    def put(self, key: str, data: bytes) -> None:
        """Write all of it or nothing. Writing the same key again is allowed and harmless."""
        ...

    def get(self, key: str) -> bytes:
        """Raises ObjectMissing."""
        ...

    def exists(self, key: str) -> bool:
        """Raises ServiceError if there is no store to hold it (a bucket that is not there): False is about the key."""
        ...

    def put_file(self, key: str, path: Path) -> None:
        """As `put`, streaming from a file of any size."""
        ...

    def get_file(self, key: str, path: Path) -> None:
        """As `get`, streaming into a file, which appears whole or not at all. Raises ObjectMissing."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key below the prefix, sorted."""
        ...

    def written_at(self, key: str) -> datetime:
        """When it was last written, in UTC, by the store's clock. Raises ObjectMissing."""
        ...

    def remove(self, key: str) -> None:
        """Nobody may need it any more. A key that is not there is no error."""
        ...
