"""A job's own folder on disk: its lock, checkpoints and outcome, and the publication of the model at `output`.

Safe against kill -9 at any moment: a checkpoint counts once its marker exists, a model once it has its final name.
Knows nothing of trainers.
"""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spar.errors import TrainerBusy, TrainingError
from spar.training.base import TrainJob, TrainOutcome
from spar.training.faults import MARKER, kept_checkpoint
from spar.training.jobs import OUTCOMES, identity


class Workspace:
    """The folder `job.work`, used by one trainer at a time: create it inside `locked`.

    With `claim` False it is only read, by ranks other than the first.
    """

    def __init__(self, job: TrainJob, claim: bool = True) -> None:
        self._job = job
        self._outcome = job.work / "outcome.json"
        self.checkpoints = job.work / "checkpoints"
        self.scratch = job.work / "scratch"
        self.rows = self.scratch / "rows"
        if claim:
            self._claim()

    def _claim(self) -> None:
        """Remove the files of another job here: same folder, but another base, rows, settings or seed."""
        name = self._job.work / "identity"
        mine = identity(self._job)
        if not name.exists() or name.read_text() != mine:
            self._outcome.unlink(missing_ok=True)
            shutil.rmtree(self.checkpoints, ignore_errors=True)
            name.write_text(mine)
        for checkpoint in self.checkpoints.glob("checkpoint-*"):  # incomplete ones only take space
            if not (checkpoint / MARKER).exists():
                shutil.rmtree(checkpoint, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()

    def finished(self) -> TrainOutcome | None:
        """The outcome, if an earlier attempt published the model."""
        if not self._job.output.exists():
            return None
        if not self._outcome.exists():
            raise TrainingError(
                f"{self._job.output} already exists, but was not made by this training.",
                "Remove it, or choose another output.",
            )
        return OUTCOMES.validate_json(self._outcome.read_bytes())

    def newest_checkpoint(self) -> Path | None:
        """The complete checkpoint with the highest step."""
        return kept_checkpoint(self._job.work)

    def publish(self, write: Callable[[Path], None], outcome: TrainOutcome) -> None:
        """Let `write` fill a folder, rename it to the output, and remove the checkpoints."""
        output = self._job.output
        output.parent.mkdir(parents=True, exist_ok=True)
        half = output.with_name(f".{output.name}.unfinished")
        shutil.rmtree(half, ignore_errors=True)
        try:
            half.mkdir()
            write(half)
            # The outcome comes first: after a crash between the two it is ignored, since the output is missing.
            _write_synced(self._outcome, OUTCOMES.dump_json(outcome))
            half.rename(output)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
        shutil.rmtree(self.checkpoints, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def locked(work: Path, wait_s: int = 0) -> Iterator[None]:
    """Hold the folder's lock, which the kernel releases when its holder dies. Raises TrainerBusy if another holds it.

    Waiting uses SIGALRM, so `wait_s` requires the main thread.
    """

    def give_up(_signum: int, _frame: object) -> None:
        raise BlockingIOError

    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        before = signal.signal(signal.SIGALRM, give_up) if wait_s else None
        try:
            signal.alarm(wait_s) if wait_s else None
            fcntl.flock(lock, fcntl.LOCK_EX if wait_s else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainerBusy(
                f"Another trainer is writing in {work}.",
                "Wait for it or stop it; two trainers cannot share a folder.",
            ) from None
        finally:
            if wait_s:
                signal.alarm(0)
                signal.signal(signal.SIGALRM, before)
        yield
