"""Runs one command and ends it when whoever started us is gone: what stands between a parent and its child.

    python -I -S guard.py REPORT_FD SCRATCH COMMAND...

Standard input is a pipe whose other end only the parent holds, and the kernel closes it even on kill -9. At end of
file the command's whole process group is killed. The folder SCRATCH (empty: none) goes when the command has gone. A
file of its own with few imports, because it starts with every child. Knows nothing of what it runs. (What leaves the
group by a session of its own is out of reach.)
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


def _kill(group: int, signum: int) -> None:
    # PermissionError: some kernels say so of a group in which only a zombie is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signum)


def _remove(scratch: str) -> None:
    if scratch:
        from shutil import rmtree  # most children have none, and start faster without it

        rmtree(scratch, ignore_errors=True)


def _watch_parent(group: int) -> None:
    while os.read(0, 64):
        pass
    _kill(group, signal.SIGKILL)


def main(report_fd: int, scratch: str, command: list[str]) -> int:
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
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=fds, process_group=0)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        _remove(scratch)
        return 127
    groups.append(child.pid)
    for missed in early:
        _kill(child.pid, missed)
    for fd in fds:
        os.close(fd)  # so that the parent reads end of file when the command ends
    threading.Thread(target=_watch_parent, args=(child.pid,), daemon=True).start()
    # Leave the leader unreaped while its group is killed: until then no other process can take its number.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _kill(child.pid, signal.SIGKILL)
    code = child.wait()
    _remove(scratch)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
