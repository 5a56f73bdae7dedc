"""Candidates on disk between the two passes: texts in one file, fixed-size facts and signatures beside it.

The memory of an import thus does not grow with the prompts' texts: facts (28 bytes per candidate) and the keys of one
band (8 bytes) are in memory at once; signatures (512 bytes) stay on disk and are read for comparisons.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spar.data.duplicates import PERMUTATIONS, SHINGLE, Ints, Signatures, band_keys, band_width, signatures_of
from spar.data.layouts import LeftOut
from spar.data.words import ngrams, normal_form, number_of

FACTS = np.dtype([("source", "u4"), ("row", "u8"), ("text", "u8"), ("id", "u8")])
"""A candidate's source by index, its row there, and the numbers of its text and of its id (0: none)."""
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledPrompt:
    """A prompt that passed all filters on single prompts."""

    source: int
    row: int
    text: str
    id: str | None
    left_out: tuple[LeftOut, ...] = ()


class Spool:
    """Write with `add`, in a `with`; then read. `near` is the similarity threshold, None for exact duplicates."""

    def __init__(self, folder: Path, near: float | None, seed: int) -> None:
        self._texts, self._facts, self._signatures = (folder / name for name in ("texts", "facts", "signatures"))
        self._width = band_width(near) if near is not None else 0
        bands = PERMUTATIONS // self._width if self._width else 0
        self._bands = [folder / f"band-{index}" for index in range(bands)]
        self._seed = seed
        self._waiting: list[SpooledPrompt] = []
        self._files = [path.open("wb") for path in (self._texts, self._facts, self._signatures, *self._bands)]

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
        for file in self._files:
            file.close()

    def add(self, candidate: SpooledPrompt) -> None:
        self._waiting.append(candidate)
        if len(self._waiting) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        texts, facts, signatures, *bands = self._files
        for found in self._waiting:
            texts.write(json.dumps([found.text, found.id, found.left_out], ensure_ascii=False).encode() + b"\n")
            text, name = number_of(normal_form(found.text)), number_of(found.id) if found.id else 0
            facts.write(np.array([(found.source, found.row, text, name)], dtype=FACTS).tobytes())
        if self._width and self._waiting:
            made = signatures_of([list(ngrams(found.text, SHINGLE)) for found in self._waiting], self._seed)
            signatures.write(made.tobytes())
            for file, keys in zip(bands, band_keys(made, self._width).T, strict=True):
                file.write(keys.tobytes())
        self._waiting.clear()

    def facts(self) -> Any:
        return np.fromfile(self._facts, dtype=FACTS)

    def signatures(self, rows: Ints) -> Signatures:
        """Read from disk at each call: a memory map would count everything ever read as memory."""
        size = PERMUTATIONS * np.dtype(np.uint32).itemsize
        with self._signatures.open("rb", buffering=0) as file:
            read = [os.pread(file.fileno(), size, int(row) * size) for row in rows]
        return np.frombuffer(b"".join(read), dtype=np.uint32).reshape(len(rows), PERMUTATIONS)

    def bands(self) -> Iterator[NDArray[np.uint64]]:
        for path in self._bands:
            yield np.fromfile(path, dtype=np.uint64)

    def texts(self) -> Iterator[tuple[str, str | None, list[str]]]:
        with self._texts.open("rb") as file:
            for line in file:
                text, name, left_out = json.loads(line)
                yield text, name, left_out
