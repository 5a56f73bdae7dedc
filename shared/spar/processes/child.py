"""Starts child processes that cannot outlive us, kill -9 included: trainers, model servers.

    we --lifeline (a pipe only we hold)--> guard (own session) --> command (own process group)

When the lifeline closes, because we closed it or died, the guard kills the command and all its group. Output goes to
a log file, so nobody has to read it for the command to run; what a command wants to tell us it writes as lines to the
descriptor that REPORT_FD names. Where the command's environment holds credentials, the guard takes them out of what it
prints; a log is its owner's alone. Knows nothing of what the commands do.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spar import redaction

REPORT_FD = "SPAR_REPORT_FD"
"""Environment variable: the file descriptor a child writes its reports to."""

_GUARD = Path(__file__).with_name("guard.py")
_LINE_LIMIT = 1 << 20  # bytes of one report
OVERLONG = ""
"""Stands for a part of a line that is longer than any report; no line that was written is empty."""
_TAIL_BYTES = 16_384


class Child:
    """A running command. The caller that starts one ends it: `stop`, `kill`, or `wait` until it ends by itself."""

    def __init__(
        self,
        process: Process,
        lifeline: int,
        log: Path,
        log_start: int,
        reports: "_Reports | None",
    ) -> None:
        self._process = process
        self._lifeline: int | None = lifeline
        self._log = log
        self._log_start = log_start
        self._reports = reports

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def reports(self) -> AsyncIterator[str]:
        """The lines the command writes to its report descriptor, until it closes it or ends. What is not UTF-8 is
        replaced; a line beyond the limit comes as OVERLONG, piece by piece, and is not kept."""
        while self._reports is not None:
            try:
                line = await self._reports.reader.readline()
            except ValueError:  # as StreamReader.readline tells it, with what it had read dropped
                yield OVERLONG
                continue
            if not line:
                return
            yield line.decode(errors="replace")

    async def wait(self) -> int:
        """The command's exit code; 128 + n if signal n ended it."""
        code = await self._process.wait()
        self._cut()
        return code

    def kill(self) -> None:
        """End the command and its group at once, without waiting, and hear no more of it. Harmless twice."""
        if self._reports is not None:
            self._reports.transport.close()
        self._cut()

    def _cut(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    async def stop(self, grace_s: float) -> int:
        """Ask the command to end (SIGTERM); after `grace_s` seconds kill it. Returns once it is gone."""
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_s):  # wait_for would swallow a cancellation that comes just now
                await asyncio.shield(self._process.wait())
        except TimeoutError:
            pass
        finally:
            self.kill()
        return await self.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines of the command's output."""
        with self._log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


@dataclass(frozen=True, slots=True)
class _Reports:
    """Our end of a child's report pipe."""

    reader: asyncio.StreamReader
    transport: asyncio.ReadTransport


async def _listen(fd: int) -> _Reports:
    reader = asyncio.StreamReader(limit=_LINE_LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(fd, "rb", 0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return _Reports(reader, transport)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _guarded(command: Sequence[str], report: int | None, scratch: Path | None, env: Mapping[str, str]) -> list[str]:
    return [
        sys.executable,
        "-I",  # no site packages and no environment: the guard starts in milliseconds
        "-S",
        str(_GUARD),
        str(-1 if report is None else report),
        "" if scratch is None else str(scratch),
        redaction.__file__ if redaction.secrets_of(env) else "",
        *command,
    ]


def _open(log: Path) -> BinaryIO:
    """To append; readable by its owner only, whichever process created it."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with suppress(PermissionError):  # a file system without modes
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")


async def _spawn(
    command: Sequence[str], log: Path, env: Mapping[str, str], cwd: Path | None, stdin: int, fds: Sequence[int]
) -> Process:
    with _open(log) as output:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            env=env,
            cwd=cwd,
            pass_fds=fds,
            start_new_session=True,
        )


async def start_child(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    reports: bool = False,
    keep: Sequence[int] = (),
    scratch: Path | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start `command` with its output in `log` (appended), the environment `env` and the folder `cwd` (None: ours).

    With `reports` the command finds REPORT_FD in its environment. A command that does not exist exits with 127.
    The guard keeps the descriptors `keep` open until the command is gone: locks on what the command uses. Then it
    removes the folder `scratch`, also when we are not there any more to do so.
    """
    environment = dict(os.environ if env is None else env)
    log_start = _size(log)
    lifeline_read, lifeline = os.pipe()
    theirs: list[int] = [lifeline_read]
    heard, report = None, None
    try:
        if reports:
            ours, report = os.pipe()
            theirs.append(report)
            heard = await _listen(ours)
            environment[REPORT_FD] = str(report)
        fds = (*keep,) if report is None else (*keep, report)
        guarded = _guarded(command, report, scratch, environment)
        process = await _spawn(guarded, log, environment, cwd, lifeline_read, fds)
    except BaseException:
        os.close(lifeline)
        if heard is not None:
            heard.transport.close()
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return Child(process, lifeline, log, log_start, heard)
