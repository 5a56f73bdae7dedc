"""Claims on this host's GPUs: a lock file per GPU, all of a claim at once or none. Knows nothing of what runs on them.

    <locks>/<uuid>   held (flock) by the process that uses that GPU, and names it
    <locks>/~next    held by the claim that is next, so that small claims cannot overtake a large one for ever

The kernel releases a lock when the last process that holds it dies, kill -9 included, so nothing needs cleaning up and
no server has to keep track. A process that passes the descriptors to a child's guard keeps the GPU until that ends.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from spar.engines.gpu_host import LOCK_DIR_VARIABLE, GpuHost, this_host
from spar.errors import ServiceError

log = structlog.get_logger()

POLL_S = 0.5  # a released flock notifies no one, so there is no condition to wait for
REPORT_S = 60.0  # between two log lines about the GPUs that are awaited
_NEXT = "~next"

_idle_holders: set[Callable[[], None]] = set()
"""Called while a claim of this process waits: idle engines of this process then stop at once."""


@dataclass(frozen=True, slots=True)
class GpuClaim:
    """GPUs that this process holds until `release`; `descriptors` hold the locks."""

    uuids: tuple[str, ...]
    descriptors: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        """What a child needs to use these GPUs and no others."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.uuids)}

    def release(self) -> None:
        """Call once: a descriptor's number may belong to another file after it was closed."""
        for descriptor in self.descriptors:
            os.close(descriptor)


@asynccontextmanager
async def claim(count: int, purpose: str, host: GpuHost | None = None) -> AsyncIterator[GpuClaim]:
    """Hold `count` GPUs for the block; waits for them. See `acquire`."""
    held = await acquire(count, purpose, host)
    try:
        yield held
    finally:
        held.release()


async def acquire(count: int, purpose: str, host: GpuHost | None = None) -> GpuClaim:
    """Wait for `count` GPUs. Claims that wait are logged, and are served in turn.

    Raises RecipeError at once where the host has too few, ServiceError where its locks cannot be used.
    """
    if host is None:
        host = await asyncio.to_thread(this_host)
    host.require(count, purpose)
    turn: int | None = None
    waited = 0.0
    try:
        while True:
            turn = _lock(host.locks / _NEXT) if turn is None else turn
            held = _all_or_none(host, count, purpose) if turn is not None else None
            if held is not None:
                log.info("gpus_claimed", purpose=purpose, gpus=held.uuids, waited_s=round(waited, 1))
                return held
            if waited % REPORT_S < POLL_S:
                log.warning("gpus_awaited", purpose=purpose, wanted=count, in_use=holders(host), waited_s=round(waited))
            for release in list(_idle_holders):
                release()
            await asyncio.sleep(POLL_S)
            waited += POLL_S
    finally:
        if turn is not None:
            os.close(turn)


def when_wanted(release: Callable[[], None]) -> Callable[[], None]:
    """Call `release` while this process waits for GPUs, so that one worker can do everything in turn.

    Returns the function that unregisters it.
    """
    _idle_holders.add(release)
    return lambda: _idle_holders.discard(release)


def holders(host: GpuHost) -> dict[str, str]:
    """The process that uses each GPU, as it named itself; free GPUs are left out."""
    found: dict[str, str] = {}
    for uuid in host.uuids:
        path = _path(host, uuid)
        descriptor = _lock(path)
        if descriptor is None:
            found[uuid] = path.read_text(errors="replace").strip()
        else:
            os.close(descriptor)
    return found


def _all_or_none(host: GpuHost, count: int, purpose: str) -> GpuClaim | None:
    uuids: list[str] = []
    descriptors: list[int] = []
    for uuid in host.uuids:
        if len(uuids) < count and (descriptor := _lock(_path(host, uuid))) is not None:
            uuids.append(uuid)
            descriptors.append(descriptor)
    if len(uuids) == count:
        _sign(descriptors, purpose)
        return GpuClaim(tuple(uuids), tuple(descriptors))
    for descriptor in descriptors:
        os.close(descriptor)
    return None


def _lock(path: Path) -> int | None:
    """The file, locked by this process, or None if another process holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with suppress(PermissionError):  # another user's replica may lock it too, whatever our umask
            os.fchmod(descriptor, 0o666)
    except OSError as error:
        raise ServiceError(
            f"The GPU lock {path} cannot be opened: {error.strerror}.",
            f"Let {LOCK_DIR_VARIABLE} name a folder that this user may write and that all replicas share.",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _sign(descriptors: Sequence[int], purpose: str) -> None:
    text = f"{purpose}, process {os.getpid()} on {os.uname().nodename}\n".encode()
    for descriptor in descriptors:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


def _path(host: GpuHost, uuid: str) -> Path:
    return host.locks / uuid.replace("/", "_")
