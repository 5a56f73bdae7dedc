"""Reads an archive, verified member by member against its manifest. Believes no name, size or hash; writes nothing."""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import zstandard
from pydantic import ValidationError

from spar.db.schema import schemas
from spar.upkeep.manifest import FORMAT, MANIFEST, ArchiveManifest, ArchiveRefused, Member, check_member

_CHUNK = 1 << 20  # bytes handed on at once
_PACKED = 4 << 10  # bytes decompressed at once: even of zeros they become no more than 128 MB
_LARGEST_MANIFEST = 256 << 20  # bytes: a million members take about 200 MB
_AGAIN = "Copy the file again from where it was written, or write it again with `spar archive`."


class Archive:
    """An open archive, read once from front to back. Everything that it raises is ArchiveRefused, or OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO = path.open("rb")
        self._plain = _Decompressed(self._file, path)
        try:
            self._tar = self._opened()
            self.manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()
        self._file.close()

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Each member with its bytes, in pieces. The last piece comes after the hash was right, or not at all."""
        for member in self.manifest.members:
            entry = self._next()
            if entry is None:
                raise damaged(self._path, f"it ends before its member {member.name}")
            if entry.name != member.name or entry.size != member.size or not entry.isreg():
                raise damaged(self._path, f"it holds {entry.name[:200]!r} where its manifest says {member.name}")
            yield member, self._verified(entry, member)
        if (more := self._next()) is not None:
            raise damaged(self._path, f"it holds {more.name[:200]!r}, of which its manifest says nothing")
        self._plain.finish()

    def _opened(self) -> tarfile.TarFile:
        try:
            return tarfile.open(fileobj=self._plain, mode="r|", bufsize=_CHUNK)  # type: ignore[call-overload, no-any-return]
        except tarfile.TarError as error:
            raise damaged(self._path, str(error)) from error

    def _next(self) -> tarfile.TarInfo | None:
        try:
            return self._tar.next()
        except tarfile.TarError as error:
            raise damaged(self._path, str(error)) from error

    def _read_manifest(self) -> ArchiveManifest:
        entry = self._next()
        if entry is None or entry.name != MANIFEST or not entry.isreg() or entry.size > _LARGEST_MANIFEST:
            raise damaged(self._path, "it does not begin with the manifest of a run's archive")
        try:
            manifest = ArchiveManifest.model_validate_json(b"".join(self._pieces(entry)))
        except ValidationError as error:
            raise damaged(self._path, f"its manifest cannot be read ({str(error)[:200]})") from error
        _check_version(self._path, manifest)
        names = [check_member(member.name) for member in manifest.members]
        if len(set(names)) != len(names):
            raise damaged(self._path, "its manifest names a member twice")
        return manifest

    def _verified(self, entry: tarfile.TarInfo, member: Member) -> Iterator[bytes]:
        hashed = hashlib.sha256()
        held = b""
        for piece in self._pieces(entry):
            hashed.update(piece)
            if held:
                yield held
            held = piece
        if hashed.hexdigest() != member.sha256:
            raise damaged(self._path, f"the bytes of {member.name} do not have the SHA-256 that its manifest says")
        yield held

    def _pieces(self, entry: tarfile.TarInfo) -> Iterator[bytes]:
        source = self._tar.extractfile(entry)
        assert source is not None  # it is a regular file
        try:
            while piece := source.read(_CHUNK):
                yield piece
        except tarfile.TarError as error:
            raise damaged(self._path, str(error)) from error


class _Decompressed:
    """The tar's bytes. Unlike zstandard's own reader it knows a file that was cut off."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._decompressor = zstandard.ZstdDecompressor().decompressobj()
        self._buffer = b""

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size and self._more():
            pass
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def finish(self) -> None:
        """Read to the end, which has the checksum of it all. Raises ArchiveRefused."""
        while self._more():
            self._buffer = b""
        if self._decompressor.unused_data or self._file.read(1):
            raise damaged(self._path, "something follows its end")

    def _more(self) -> bool:
        if self._decompressor.eof:
            return False
        packed = self._file.read(_PACKED)
        if not packed:
            raise damaged(self._path, "it ends too early")
        try:
            self._buffer += self._decompressor.decompress(packed)
        except zstandard.ZstdError as error:
            raise damaged(self._path, f"it cannot be decompressed ({error})") from error
        return True


def _check_version(path: Path, manifest: ArchiveManifest) -> None:
    known = schemas()
    if manifest.format == FORMAT and manifest.schema_version == known[0]:
        return
    what = f"{path} was written by another version (format {manifest.format}, schema {manifest.schema_version[:60]})"
    if manifest.format == FORMAT and manifest.schema_version in known:
        raise ArchiveRefused(
            f"{what}: this one restores schema {known[0]}.",
            "Restore it with the version that wrote it; this version upgrades that directory when a run is resumed.",
        )
    raise ArchiveRefused(f"{what}, which this one does not know.", "Restore it with that version, or a newer one.")


def damaged(path: Path, why: str) -> ArchiveRefused:
    return ArchiveRefused(f"{path} is not a whole archive of a run: {why}.", f"Nothing was restored. {_AGAIN}")
