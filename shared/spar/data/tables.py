"""Reads Parquet files and Hugging Face datasets row by row. Knows nothing of what a row means.

pyarrow and datasets are imported here only when such a source is read.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from spar.data.rows import Reading, RejectKind, Unusable
from spar.data.text_rows import MEDIA, MEDIA_KEYS
from spar.errors import DataError

_BATCH = 512
"""Rows of a Parquet file in memory at once."""
_MEDIA_BATCH = 16
"""The same where rows hold images or sound, of about a megabyte each."""


def read_parquet(path: Path, columns: Iterable[str] | None) -> Reading:
    """Reads the existing ones of the named columns, and those that hold media; None reads all."""
    import pyarrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            schema = file.schema_arrow
            media = {name for name in schema.names if name in MEDIA or _holds_media(schema.field(name).type)}
            wanted = [name for name in schema.names if columns is None or name in {*columns, *media}]
            for batch in file.iter_batches(_MEDIA_BATCH if media else _BATCH, columns=wanted):
                for index in range(batch.num_rows):
                    number += 1
                    yield number, _record(batch, index)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read as Parquet after row {number}: {error}.", "Check the file, or write it again."
        ) from error


def _holds_media(kind: Any) -> bool:
    """The type with which `datasets` writes an image or a sound: {"bytes": ..., "path": ...}, or a list of them."""
    import pyarrow

    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
        return _holds_media(kind.value_type)
    return bool(pyarrow.types.is_struct(kind)) and {kind.field(i).name for i in range(kind.num_fields)} == MEDIA_KEYS


def _record(batch: Any, index: int) -> dict[str, Any] | Unusable:
    try:
        return {name: batch.column(name)[index].as_py() for name in batch.schema.names}
    except UnicodeDecodeError as error:
        return Unusable(kind=RejectKind.ENCODING, reason=f"a text that is not UTF-8 (byte {error.start + 1})")


def is_saved_dataset(path: Path) -> bool:
    """Whether one split or several were saved here. A dataset_info.json alone may be LLaMA-Factory's."""
    one = (path / "state.json").is_file() and (path / "dataset_info.json").is_file()
    return one or (path / "dataset_dict.json").is_file()


def read_dataset(name: str, split: str) -> Reading:
    """Reads a dataset that `save_to_disk` wrote, or one of the hub, which is streamed."""
    number = 0
    try:
        for number, row in enumerate(_open_dataset(name, split), start=1):
            yield number, dict(row)
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        raise DataError(
            f"The dataset {name} (split {split}) cannot be read after row {number}: {str(error)[:300]}",
            "Check its name, --split and the network; or save it with `save_to_disk` and name that folder.",
        ) from error


def _open_dataset(name: str, split: str) -> Iterable[Any]:
    from datasets import DatasetDict, load_dataset, load_from_disk

    if not is_saved_dataset(Path(name)):
        return _undecoded(load_dataset(name, split=split, streaming=True))
    loaded = load_from_disk(name)
    if not isinstance(loaded, DatasetDict):
        return _undecoded(loaded.to_iterable_dataset())
    if split not in loaded:
        known = ", ".join(islice(loaded, 20))
        raise DataError(f"The dataset {name} has no split '{split}'.", f"Choose one with --split: {known}.")
    return _undecoded(loaded[split].to_iterable_dataset())


def _undecoded(dataset: Any) -> Iterable[Any]:
    """The dataset with images and sound left encoded: only their presence matters."""
    return dataset.decode(False) if dataset.features is not None else dataset  # type: ignore[no-any-return]
