"""Reads Parquet files and Hugging Face datasets row by row. Knows nothing of what a row means.

pyarrow and datasets are imported here only when such a source is read.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from spar.data.rows import Reading, RejectKind, Unusable
from spar.errors import DataError

_BATCH = 512
"""Rows of a Parquet file in memory together."""
_DISK_MARKS = ("dataset_info.json", "dataset_dict.json", "state.json")


def read_parquet(path: Path, columns: Iterable[str]) -> Reading:
    """Only the named columns are read, those of them that are there."""
    import pyarrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            wanted = [name for name in file.schema_arrow.names if name in set(columns)]
            for batch in file.iter_batches(_BATCH, columns=wanted):
                for index in range(batch.num_rows):
                    number += 1
                    yield number, _record(batch, index)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read as Parquet after row {number}: {error}.", "Check the file, or write it again."
        ) from error


def _record(batch: Any, index: int) -> dict[str, Any] | Unusable:
    try:
        return {name: batch.column(name)[index].as_py() for name in batch.schema.names}
    except UnicodeDecodeError as error:
        return Unusable(RejectKind.ENCODING, f"a text that is not UTF-8 (byte {error.start + 1})")


def is_saved_dataset(path: Path) -> bool:
    return path.is_dir() and any((path / mark).is_file() for mark in _DISK_MARKS)


def read_dataset(name: str, split: str) -> Reading:
    """A dataset that `save_to_disk` wrote, or one of the hub, which is streamed."""
    number = 0
    try:
        for number, row in enumerate(_open_dataset(name, split), start=1):
            yield number, dict(row)
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        raise DataError(
            f"The dataset {name} (split {split}) cannot be read after row {number}: {str(error)[:300]}",
            "Check its name, --split and the network; or save it (`save_to_disk`) where it can be read, and name"
            " that folder.",
        ) from error


def _open_dataset(name: str, split: str) -> Iterable[Any]:
    from datasets import DatasetDict, load_dataset, load_from_disk

    if not is_saved_dataset(Path(name)):
        return load_dataset(name, split=split, streaming=True)  # type: ignore[no-any-return]
    loaded = load_from_disk(name)
    if not isinstance(loaded, DatasetDict):
        return loaded  # type: ignore[no-any-return]
    if split not in loaded:
        known = ", ".join(islice(loaded, 20))
        raise DataError(f"The dataset {name} has no split '{split}'.", f"Choose one with --split: {known}.")
    return loaded[split]  # type: ignore[no-any-return]
