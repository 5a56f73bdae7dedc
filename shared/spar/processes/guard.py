"""Runs one command and ends it when the process that started us is gone: it stands between a parent and its child.

    python -I -S guard.py REPORT_FD SCRATCH REDACTION COMMAND...

Standard input is a pipe whose other end only the parent holds, and the kernel closes it even on kill -9. At end of
file the command's whole process group is killed. The folder SCRATCH (empty: none) goes when the command has gone. What
the command prints passes through the file REDACTION (empty: goes straight to the log), which takes credentials out. A
file of its own with few imports, because it starts with every child. Knows nothing of what it runs. (What leaves the
group by a session of its own is out of reach.)
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself would cost every child milliseconds
    from collections.abc import Callable

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 20  # bytes without an end of line that are held back
_OVERLAP = 1 << 12  # bytes held back of a longer one: more than a credential has
_LAST_WORDS_S = 5.0  # for what is left in the pipe, which a process outside of the group may hold open


def _kill(group: int, signum: int) -> None:
    # PermissionError: some kernels say so of a group in which only a zombie is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)


def _remove(scratch: str) -> None:
    if scratch:
        from shutil import rmtree  # most children have none, and start faster without it

        rmtree(scratch, ignore_errors=True)


def _redactor(file: str) -> "Callable[[str], str]":
    from runpy import run_path  # only children with credentials need it

    redact: Callable[[str], str] = run_path(file)["redact"]
    return redact


def _write(text: bytes, redact: "Callable[[str], str]") -> None:
    # On a full disk the command must still be able to print: what cannot be kept is read and forgotten.
    with suppress(OSError):
        sys.stdout.buffer.write(redact(text.decode(errors="surrogateescape")).encode(errors="surrogateescape"))
        sys.stdout.buffer.flush()


def _pump(output: int, redact: "Callable[[str], str]") -> None:
    """Copy what the command prints to our output, whole lines at a time: no credential is split between two."""
    held = b""
    while chunk := os.read(output, _CHUNK):
        held += chunk
        end = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1
        if not end and len(held) > _LONGEST_LINE:
            end = len(held) - _OVERLAP
        if end:
            _write(held[:end], redact)
            held = held[end:]
    _write(held, redact)


def _watch_parent(group: int) -> None:
    while os.read(0, 64):
        pass
    _kill(group, signal.SIGKILL)


def main(report_fd: int, scratch: str, redaction: str, command: list[str]) -> int:
    """Start the command in a group of its own, and end that group when the parent's pipe closes."""
    groups: list[int] = []
    early: list[int] = []

    def forward(signum: int, _frame: object) -> None:
        if groups:
            _kill(groups[0], signum)
        else:
            early.append(signum)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, forward)
    fds = [report_fd] if report_fd >= 0 else []
    redact = _redactor(redaction) if redaction else None
    printed = None if redact is None else subprocess.PIPE
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=None if redact is None else subprocess.STDOUT,
            pass_fds=fds,
            process_group=0,
        )
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        _remove(scratch)
        return 127
    groups.append(child.pid)
    for missed in early:
        _kill(child.pid, missed)
    for fd in fds:
        os.close(fd)  # so that the parent reads end of file when the command ends
    pump = threading.Thread(target=_pump, args=(child.stdout.fileno(), redact), daemon=True) if child.stdout else None
    if pump is not None:
        pump.start()
    threading.Thread(target=_watch_parent, args=(child.pid,), daemon=True).start()
    # Leave the leader unreaped while its group is killed: until then no other process can take its number.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _kill(child.pid, signal.SIGKILL)
    code = child.wait()
    if pump is not None:
        pump.join(_LAST_WORDS_S)
    _remove(scratch)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
