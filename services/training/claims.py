"""One attempt at a time trains a model on this host; one that comes later waits for it and takes what it made.

An earlier attempt may well be at work though its lease has expired: its host was suspended, its heartbeat did not
arrive. Knows nothing of how a model is trained.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict

from spar.file_locks import try_lock
from spar.messages.counts import TrainingCounts
from spar.messages.training import Trained

log = structlog.get_logger()

LOOK_S = 0.2
"""Between two looks at the lock: the kernel wakes nobody who can still be cancelled."""


class Earlier(BaseModel):
    """What an attempt made: the rows of its result and its figures."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
    trained: Trained
    counts: TrainingCounts


class Claim:
    """The right to train one model here. Its files lie beside the training's folder, which goes when it is done."""

    def __init__(self, folder: Path) -> None:
        self._lock = folder.with_name(f"{folder.name}.lock")
        self._made = folder.with_name(f"{folder.name}.made.json")

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for every earlier attempt; the kernel ends a claim with its process."""
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as lock:
            if not try_lock(lock.fileno()):
                log.info("waiting_for_earlier_attempt", lock=str(self._lock))
                while not try_lock(lock.fileno()):  # noqa: ASYNC110 - another process's lock sets no event
                    await asyncio.sleep(LOOK_S)
            yield

    def earlier(self) -> Earlier | None:
        """What an earlier attempt made, if one came to its end."""
        return Earlier.model_validate_json(self._made.read_bytes()) if self._made.exists() else None

    def keep(self, made: Earlier) -> None:
        half = self._made.with_suffix(".unfinished")
        half.write_text(made.model_dump_json())
        half.rename(self._made)
