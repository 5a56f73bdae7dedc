"""A worker's reports that are still to be sent: kept until they are, in order, however long the broker is unreachable.

`put` does not wait, so that neither work nor heartbeats stop meanwhile. What cannot be sent before the process ends is
left in a file, which the next worker on this folder sends. Knows nothing of what the reports mean.
"""

import json
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from spar.messages.coordinator import REPORT, Report, TrainingProgressed, WorkerAlive
from spar.runtime.supervision import FIRST_PAUSE_S, longer

log = structlog.get_logger()

MOST = 10_000
"""Reports that wait in memory, a few hundred bytes each; beyond that `put` waits, and with it the taking of steps."""
LONGEST_PAUSE_S = 2.0
PARTING_S = 10.0
"""What is left when the process ends is tried for so long, well within the time that containers get to stop."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A report, and the queue that it goes to; None: the coordinator's."""

    report: Report
    to: str | None = None

    def outdates(self, older: "Letter") -> bool:
        """Whether the older one says nothing that this does not: signs of life and progress, of the same sender."""
        mine, theirs = self.report, older.report
        if self.to != older.to:
            return False
        if isinstance(mine, WorkerAlive) and isinstance(theirs, WorkerAlive):
            return mine.worker == theirs.worker
        if isinstance(mine, TrainingProgressed) and isinstance(theirs, TrainingProgressed):
            return (mine.step_id, mine.attempt) == (theirs.step_id, theirs.attempt)
        return False


class Outbox:
    """Sends from its making until `close`. `send` raises when it could not; whatever it raises, it is tried again.

    Safe from several threads. `folder` is where reports are left behind; None: nowhere.
    """

    def __init__(self, send: Callable[[Letter], None], folder: Path | None = None, most: int = MOST) -> None:
        self._send, self._folder, self._most = send, folder, most
        self._letters: deque[Letter] = deque(_left_behind(folder) if folder else ())
        self._changed = threading.Condition()
        self._give_up_at: float | None = None
        self._thread = threading.Thread(target=self._work, name="spar-outbox", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._letters)

    def put(self, report: Report, to: str | None = None) -> None:
        letter = Letter(report, to)
        with self._changed:
            self._changed.wait_for(lambda: len(self._letters) < self._most or self._give_up_at is not None)
            # The first may be on its way just now.
            outdated = next((old for old in list(self._letters)[1:] if letter.outdates(old)), None)
            if outdated is not None:
                self._letters.remove(outdated)
            self._letters.append(letter)
            self._changed.notify_all()

    def close(self, within_s: float = PARTING_S) -> int:
        """Send what waits, as far as the time goes; the rest goes into a file. Returns how many those are."""
        with self._changed:
            self._give_up_at = time.monotonic() + within_s
            self._changed.notify_all()
        # `send` has deadlines of its own; the second's worth is for writing.
        self._thread.join(within_s + 1.0)
        with self._changed:
            left = [letter for letter in self._letters if not isinstance(letter.report, WorkerAlive)]
            self._letters.clear()
        if left:
            log.warning("reports_left", reports=len(left), folder=str(self._folder))
            if self._folder is not None:
                _leave(self._folder, left)
        return len(left)

    def _work(self) -> None:
        pause_s = 0.0
        while (letter := self._next(pause_s)) is not None:
            try:
                self._send(letter)
            except Exception as error:  # noqa: BLE001 - whatever it is, a report is not dropped for it
                pause_s = longer(pause_s, LONGEST_PAUSE_S)
                log.warning("report_waits", reports=self.waiting, error=str(error))
                continue
            pause_s = 0.0
            with self._changed:
                if self._letters and self._letters[0] is letter:
                    self._letters.popleft()
                self._changed.notify_all()

    def _next(self, pause_s: float) -> Letter | None:
        """The oldest letter, after the pause; None when closing, with nothing left to send or no time for it."""
        with self._changed:
            self._changed.wait_for(self._is_parting, timeout=pause_s)
            self._changed.wait_for(lambda: self._letters or self._is_parting())
            if not self._letters or (self._give_up_at is not None and time.monotonic() > self._give_up_at):
                return None
            if pause_s and self._is_parting():
                # Between tries that fail at once; shorter than the pause, since time is short.
                self._changed.wait(timeout=FIRST_PAUSE_S)
            return self._letters[0] if self._letters else None

    def _is_parting(self) -> bool:
        return self._give_up_at is not None


def _leave(folder: Path, letters: list[Letter]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / f"{uuid.uuid4().hex}.jsonl"
    half = name.with_suffix(".unfinished")
    with half.open("w") as file:
        for letter in letters:
            file.write(json.dumps({"to": letter.to, "report": letter.report.model_dump(mode="json")}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    half.rename(name)


def _left_behind(folder: Path) -> Iterator[Letter]:
    """Take what earlier workers left; a file belongs to the worker that renames it first."""
    for path in sorted(folder.glob("*.jsonl")):
        mine = path.with_suffix(f".{uuid.uuid4().hex}")
        with suppress(FileNotFoundError):  # another worker was quicker
            path.rename(mine)
            for line in mine.read_text().splitlines():
                found = json.loads(line)
                yield Letter(REPORT.validate_python(found["report"]), found["to"])
            mine.unlink()
