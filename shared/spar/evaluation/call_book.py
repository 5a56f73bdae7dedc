"""A model's replies, appended to a file as they arrive: one line a call, keyed by everything that was requested.

The first line names the model; a file never mixes two of them. An incomplete last line, left by a kill, is cut off, and
its call is requested again. One writer at a time. Knows nothing of benchmarks.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spar.engines.base import Adjustment, Completion, Sampling
from spar.errors import ConflictError, DataError, StoreError
from spar.method.records import Message, ReplyFailure

FORMAT = 1


class CallBook:
    """Open it with `open_call_book`. Keeps the position of each call's line in memory, not the texts."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._file = descriptor
        self._end = 0
        self._places: dict[str, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def get(self, call: str) -> list[Completion] | None:
        if call not in self._places:
            return None
        start, length = self._places[call]
        return [_completion(reply) for reply in json.loads(os.pread(self._file, length, start))["replies"]]

    def put(self, call: str, completions: Sequence[Completion]) -> None:
        """Write the whole line, or leave the file as it was and raise StoreError."""
        line = json.dumps({"call": call, "replies": [asdict(completion) for completion in completions]}) + "\n"
        length = self._append(line.encode())
        self._places[call] = (self._end - length, length)

    def _append(self, data: bytes) -> int:
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._end + written)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            raise _cannot_write(self.path, error) from error
        self._end += len(data)
        return len(data)

    def load(self, identity: Mapping[str, Any]) -> None:
        """Index the file's lines, start the file if it is empty, and cut off an incomplete last line."""
        with open(self._file, "rb", closefd=False) as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n"):
                    os.ftruncate(self._file, self._end)
                    break
                self._take(number, raw, identity)
        if self._end == 0:
            self._append((json.dumps({"format": FORMAT, "of": dict(identity)}) + "\n").encode())

    def _take(self, number: int, raw: bytes, identity: Mapping[str, Any]) -> None:
        try:
            row = json.loads(raw)
            if number == 1 and row != {"format": FORMAT, "of": dict(identity)}:
                raise ValueError("it was started for another model")
            if number > 1:
                self._places[row["call"]] = (self._end, len(raw))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path} line {number} cannot be resumed: {error}.", "Move the file away and run it again."
            ) from error
        self._end += len(raw)


@contextmanager
def open_call_book(folder: Path, identity: Mapping[str, Any]) -> Iterator[CallBook]:
    """The model's file in the folder, named by its identity. Raises ConflictError, DataError and StoreError."""
    name = hashlib.sha256(json.dumps(dict(identity), sort_keys=True).encode()).hexdigest()[:16]
    path = folder / f"{name}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(
                f"Another evaluation is writing {path}.", "Wait for it, or use another --out."
            ) from error
        book = CallBook(path, descriptor)
        book.load(identity)
        yield book
    finally:
        os.close(descriptor)


def call_key(messages: Sequence[Message], n: int, sampling: Sampling, seed: int) -> str:
    """The key of a call: a hash of everything that determines its replies, except the model."""
    request = [[(m.role, m.content) for m in messages], n, asdict(sampling), seed]
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:32]


def _completion(reply: Mapping[str, Any]) -> Completion:
    adjustments = tuple(Adjustment(each) for each in reply.get("adjustments", ()))
    failure = ReplyFailure(reply["failure"]) if reply.get("failure") else None
    return Completion(**{**reply, "adjustments": adjustments, "failure": failure})


def _cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write {path}: {error.strerror}.",
        "Free space or choose another --out; then the same command resumes where it stopped.",
    )
