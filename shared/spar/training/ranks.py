"""The processes (ranks) that train one model together, as seen from one of them.

A single one unless `accelerate launch` started them. The first rank prepares, reports and writes; the others receive
its results. Loads torch only if there is more than one.
"""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from typing import TypeVar

from spar.errors import TrainingError

T = TypeVar("T")
LAUNCHED = "RANK"
"""Environment variable that only a launcher may set (`spar.training.trl_trainer` removes it)."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls) -> "Ranks":
        return cls(rank=int(os.environ.get(LAUNCHED, 0)), world=int(os.environ.get("WORLD_SIZE", 1)))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def from_first(self, value: T) -> T:
        """The first rank's value, on every rank. Waits for all. Pickled, but only between our own processes."""
        if self.world == 1:
            return value
        from accelerate.utils import broadcast_object_list

        self._join()
        box = [value]
        broadcast_object_list(box, from_process=0)
        return box[0]

    def wait(self) -> None:
        """Wait for all ranks."""
        if self.world > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def leave(self) -> None:
        if self.world > 1:
            import torch

            if torch.distributed.is_initialized():
                torch.distributed.destroy_process_group()

    def _join(self) -> None:
        import torch
        from accelerate import PartialState

        if torch.cuda.is_available() and torch.cuda.device_count() < self.world:
            raise TrainingError(
                f"training.launch.processes is {self.world}, but this trainer sees {torch.cuda.device_count()} GPU(s).",
                "Lower launch.processes, or give the training worker more GPUs.",
            )
        PartialState(cpu=not torch.cuda.is_available())


def die_with_parent() -> None:
    """Let the kernel kill this rank when its launcher dies: ranks have their own sessions, so killing the launcher's
    process group does not reach them. Linux only; elsewhere ranks end when their next collective operation fails."""
    if sys.platform != "linux" or LAUNCHED not in os.environ:
        return
    launcher = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:  # it died before the call took effect
        os.kill(os.getpid(), signal.SIGKILL)
