"""The format of a result: zstd-compressed JSON lines, the manifest first, then one row per line.

Rows are records of `spar.method.records` or pydantic models. The same rows give the same bytes (sorted keys,
one compression level, one thread, no time), because an object is named by its bytes. This file knows nothing
of keys and stores; a key is only something to name in an error.
"""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import zstandard
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from spar.errors import DataError, ObjectCorrupt, StoreError

FORMAT = 1
_LEVEL = 3  # zstd's default: a higher one saves little on text and costs much time

Row = TypeVar("Row")


class ResultManifest(BaseModel):
    """What a result says of itself. `counts` are facts of the step, such as tokens or failures."""

    model_config = ConfigDict(frozen=True, strict=True)

    format: int = FORMAT
    step: str
    fingerprint: str
    rows: int
    counts: dict[str, int] = {}


def encode_rows(*, step: str, fingerprint: str, rows: Sequence[Any], counts: dict[str, int] | None = None) -> bytes:
    """The bytes of a result. All rows are of one type. Raises DataError for what JSON cannot hold."""
    if len({type(row) for row in rows}) > 1:
        raise TypeError("the rows of a result are of one type")
    manifest = ResultManifest(step=step, fingerprint=fingerprint, rows=len(rows), counts=dict(counts or {}))
    try:
        plain = _adapter(type(rows[0])).dump_python(list(rows), mode="json", warnings="error") if rows else []
        text = "".join(f"{_line(row)}\n" for row in (manifest.model_dump(), *plain))
        raw = text.encode()
    except (
        ValueError,
        PydanticSerializationError,
    ) as error:
        raise DataError(
            f"A row of step {step} cannot be written as JSON: {str(error)[:300]}.",
            "This is what a model or a server sent: look at its replies for broken text.",
        ) from error
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True, write_content_size=True)
    return compressor.compress(raw)


def decode_rows(data: bytes, row_type: type[Row], key: str = "") -> tuple[ResultManifest, list[Row]]:
    """What `encode_rows` wrote. Raises ObjectCorrupt, which names `key`, for anything else."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise _corrupt(key, str(error)) from error
    head, _, body = raw.partition(b"\n")
    manifest = _manifest(head, key)
    # JSON escapes line breaks inside strings, so every raw one ends a row, and the rows make one array.
    array = b"[" + body.removesuffix(b"\n").replace(b"\n", b",") + b"]"
    try:
        rows: list[Row] = _adapter(row_type).validate_json(array, strict=True)
    except ValidationError as error:
        raise _corrupt(key, str(error)[:300]) from error
    if len(rows) != manifest.rows:
        raise _corrupt(key, f"its manifest says {manifest.rows} rows, and it has {len(rows)}")
    return manifest, rows


def read_manifest(data: bytes, key: str = "") -> ResultManifest:
    """The manifest alone, without reading the rows."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            head = b""
            while b"\n" not in head and (chunk := reader.read(4096)):
                head += chunk
    except zstandard.ZstdError as error:
        raise _corrupt(key, str(error)) from error
    return _manifest(head.partition(b"\n")[0], key)


_ADAPTERS: dict[Any, TypeAdapter[list[Any]]] = {}


def _adapter(row_type: Any) -> TypeAdapter[list[Any]]:
    """Built once per type: building costs milliseconds, a row costs microseconds."""
    adapter = _ADAPTERS.get(row_type)
    if adapter is None:
        adapter = _ADAPTERS[row_type] = TypeAdapter(list[row_type])
    return adapter


def _line(row: Any) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _manifest(head: bytes, key: str) -> ResultManifest:
    try:
        manifest = ResultManifest.model_validate_json(head)
    except ValidationError as error:
        raise _corrupt(key, f"its first line is no manifest ({str(error)[:200]})") from error
    if manifest.format != FORMAT:
        raise StoreError(
            f"{key or 'A result'} has format {manifest.format}; this version reads {FORMAT}.",
            "Use the version that wrote it, or a newer one.",
        )
    return manifest


def _corrupt(key: str, why: str) -> ObjectCorrupt:
    return ObjectCorrupt(
        f"{key or 'A result'} is not a whole result: {why}.",
        "Check the disk, and restore the object; or start the run again in a new directory or bucket.",
        key,
    )
