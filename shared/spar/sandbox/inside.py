"""Runs checkers over responses, inside the process that is made for them: gives up what it could do, then runs them.

    python -I -S inside.py WORK.json

The work holds sources with their responses, the limits, and the folder of the filter. What each response comes to is a
line of JSON on the descriptor that SPAR_REPORT_FD names, written as soon as it is known. A file of its own with few
imports; it knows nothing of the project.
"""

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_FORBIDDEN = (
    *(
        "socket.",
        "subprocess.",
        "os.exec",
        "os.fork",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "os.kill",
        "os.remove",
    ),
    *("os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "shutil."),
    *("ctypes.", "resource.setrlimit", "pty.", "signal.pthread_kill"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        work = json.load(file)
    report = int(os.environ.pop("SPAR_REPORT_FD"))
    _limit(work["cpu_s"], work["memory_bytes"])
    _detach(report)
    if not _confine(work["filter"]):
        os._exit(1)
    os.write(report, b"confined\n")
    for index, (source, responses) in enumerate(work["jobs"]):
        _run(index, source, responses, report)
    os._exit(0)  # what a checker registered for the end does not run


def _limit(cpu_s: int, memory_bytes: int) -> None:
    """Nothing can raise them again. Beyond the processor time the kernel sends SIGXCPU, a second later SIGKILL."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write to a file fails with an error instead


def _detach(report: int) -> None:
    """No descriptor stays but the report's; what is printed goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.closerange(3, report)
    os.closerange(report + 1, 64)


def _confine(filter_folder: str) -> bool:
    """The kernel's filter (False without it), a network of its own where it gives one, and Python's own refusals."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NET)  # a refusal changes nothing: the others still hold
    sys.path.append(filter_folder)
    import seccomp  # type: ignore[import-not-found]

    confined: bool = seccomp.confine()
    sys.path.remove(filter_folder)
    for name in [name for name in sys.modules if "ctypes" in name or name in ("seccomp", "resource")]:
        del sys.modules[name]
    sys.addaudithook(_refuse)
    return confined


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not for a checker")
    if event == "open":
        mode, flags = str(arguments[1] or "r"), int(arguments[2] or 0)
        if flags & _WRITING or set(mode) & set("wax+"):
            raise PermissionError("a checker writes no file")
    if event == "import" and "ctypes" in str(arguments[0]):
        raise PermissionError("ctypes is not for a checker")


def _run(job: int, source: str, responses: list[str], report: int) -> None:
    """Says of each response whether it passed, or what broke; a checker that cannot be read breaks on each."""
    evaluate, broken = None, ""
    try:
        space: dict[str, Any] = {"__name__": "checker"}
        exec(compile(source, "checker", "exec"), space)
        evaluate = space["evaluate"]
    except BaseException as error:  # noqa: BLE001 - it may raise anything, SystemExit too
        broken = _describe(error)
    for index, response in enumerate(responses):
        result = broken if evaluate is None else _evaluated(evaluate, response)
        os.write(report, (json.dumps([job, index, result]) + "\n").encode())


def _evaluated(evaluate: Any, response: str) -> str:
    try:
        verdict = evaluate(response)
    except BaseException as error:  # noqa: BLE001 - as above
        return _describe(error)
    if verdict is True or verdict is False:
        return "passed" if verdict else "not passed"
    return f"evaluate returned {type(verdict).__name__}, not True or False"


def _describe(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:200]
    except BaseException:  # noqa: BLE001 - a checker's exception may fail when it is formatted
        return type(error).__name__


if __name__ == "__main__":
    main(sys.argv[1])
