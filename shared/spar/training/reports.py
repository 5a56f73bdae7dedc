"""The reports of a trainer's child to its parent, as JSON Lines on a separate descriptor: progress, then one ending.

On a separate descriptor because libraries print to the standard ones.
"""

import os
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import TypeAdapter

from spar.errors import (
    DataError,
    ModelUnusable,
    SparError,
    TemplateRefused,
    TrainerBusy,
    TrainingDiskFull,
    TrainingDiverged,
    TrainingError,
    TrainingOutOfMemory,
    TrainingReadOnly,
)
from spar.processes.child import REPORT_FD
from spar.training.base import TrainOutcome, TrainProgress
from spar.training.ranks import LAUNCHED

_KINDS: dict[str, type[SparError]] = {
    kind.__name__: kind
    for kind in (
        *(DataError, TemplateRefused, ModelUnusable, TrainerBusy, TrainingError),
        *(TrainingDiverged, TrainingOutOfMemory, TrainingDiskFull, TrainingReadOnly),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A SparError that ended the child."""

    error: str
    what: str
    fix: str

    @classmethod
    def by(cls, error: SparError) -> "Failed":
        return cls(error=type(error).__name__, what=error.what, fix=error.fix)

    def as_error(self) -> SparError:
        return _KINDS.get(self.error, TrainingError)(self.what, self.fix)


@dataclass(frozen=True, slots=True)
class Report:
    """Exactly one of the first three is given."""

    progress: TrainProgress | None = None
    outcome: TrainOutcome | None = None
    failed: Failed | None = None
    version: Literal[1] = 1


_REPORTS = TypeAdapter(Report)


def parse_report(line: str) -> Report:
    return _REPORTS.validate_json(line)


class Listener(Protocol):
    """The recipient of a training's reports."""

    def send(self, report: Report) -> None: ...


class Reporter:
    """The child's side. A report is one write below PIPE_BUF, or from one rank: lines of several never interleave."""

    def __init__(self) -> None:
        self._fd = int(os.environ[REPORT_FD])
        if LAUNCHED in os.environ:
            # The launcher closes descriptors for its ranks; through /proc the pipe is still accessible.
            self._fd = os.open(f"/proc/{os.getppid()}/fd/{self._fd}", os.O_WRONLY)

    def send(self, report: Report) -> None:
        line = _REPORTS.dump_json(report) + b"\n"
        while line:
            line = line[os.write(self._fd, line) :]
