"""What identifies a file: the SHA-256 of its bytes. Knows nothing of what the file is."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Hex digits, read in pieces. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(folder: Path, files: Mapping[str, str]) -> bool:
    """Whether each named file is in the folder, with the bytes of its SHA-256."""
    return all((folder / name).is_file() and file_sha256(folder / name) == sha for name, sha in files.items())
