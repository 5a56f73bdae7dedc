"""Writes an archive: a tar of a manifest and its members, compressed by zstd. The same run gives the same bytes.

Streamed: one object at a time is on this disk. Sizes and hashes come first, so an object whose hash nothing tells is
read twice. Knows no database.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from spar.errors import ObjectCorrupt
from spar.hashing import file_sha256
from spar.store.base import ObjectStore
from spar.store.files import whole_file
from spar.upkeep.manifest import MANIFEST, ArchiveManifest, Member

_LEVEL = 3  # zstd's default; most of an archive is compressed already, or random numbers


@dataclass(frozen=True, slots=True)
class Part:
    """A member to be, and how to have it as a file: `open` is given a folder for what has to be fetched."""

    name: str
    open: Callable[[Path], Path]
    known: Member | None = None
    """Where its size and hash are known beforehand."""


def of_bytes(name: str, data: bytes) -> Part:
    def write(folder: Path) -> Path:
        (folder / "part").write_bytes(data)
        return folder / "part"

    return Part(name, write, Member(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()))


def of_file(name: str, path: Path) -> Part:
    return Part(name, lambda _: path)


def of_object(name: str, store: ObjectStore, key: str, known: Member | None = None) -> Part:
    def fetch(folder: Path) -> Path:
        store.get_file(key, folder / "part")
        return folder / "part"

    return Part(name, fetch, known)


def write_archive(path: Path, parts: Sequence[Part], describe: Callable[[tuple[Member, ...]], ArchiveManifest]) -> int:
    """Write the file, whole or not at all; returns its size. Raises StoreError, ObjectLost."""
    members = tuple(_measured(part) for part in parts)
    head = describe(members).model_dump_json(indent=1).encode() + b"\n"
    with whole_file(path) as file:
        compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        with (
            compressor.stream_writer(file, closefd=False) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.addfile(_entry(MANIFEST, len(head)), io.BytesIO(head))
            for part, member in zip(parts, members, strict=True):
                _add(tar, part, member)
    return path.stat().st_size


def _measured(part: Part) -> Member:
    if part.known is not None:
        return part.known
    with _opened(part) as path:
        return Member(name=part.name, size=path.stat().st_size, sha256=file_sha256(path))


def _add(tar: tarfile.TarFile, part: Part, member: Member) -> None:
    with _opened(part) as path:
        if path.stat().st_size != member.size or file_sha256(path) != member.sha256:
            raise ObjectCorrupt(
                f"{part.name.removeprefix('store/')} does not match its checksum, or changed while it was archived.",
                "Check the run with `spar doctor RUN`, repair it with --fix, and archive it again.",
                part.name.removeprefix("store/"),
            )
        with path.open("rb") as file:
            tar.addfile(_entry(part.name, member.size), file)


def _entry(name: str, size: int) -> tarfile.TarInfo:
    """No time, owner or mode of this machine."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o644, 0
    return entry


@contextmanager
def _opened(part: Part) -> Iterator[Path]:
    with TemporaryDirectory(prefix="spar-archive-") as folder:
        yield part.open(Path(folder))
