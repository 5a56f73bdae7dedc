"""Starts the process that checkers run in, reads its report on each response, and ends it in time, whatever they do.

`inside` drops what they may not do; here are the clock, the number of processes, and the report on a checker that never
returned. Knows nothing of prompts or policies.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from spar.errors import ServiceError
from spar.processes.child import Child, start_child
from spar.redaction import redact
from spar.texts import storable

_INSIDE = Path(__file__).with_name("inside.py")
_CONFINED = "confined"
"""What the process says first of all, when it can do no harm any more. No checker has run before that."""
_LONGEST_REPORT = 400  # characters: more than `inside` ever says of a response
_LONGEST_LINE = 10_000  # characters of a report as JSON, which may write each character as twelve
_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class CheckerJob:
    """A checker's source, which defines `evaluate(response)`, and what to run it on."""

    source: str
    responses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Of one process. It runs several checkers, each of which takes milliseconds if it is what it should be."""

    cpu_s: int = 2
    wall_s: float = 15.0  # a process waits for a busy machine, so much longer than its processor time
    memory_bytes: int = 256 << 20  # of address space, of which Python itself takes some 40 MB


async def run_checkers(
    jobs: Sequence[CheckerJob], limits: SandboxLimits | None = None, filters: Path = _INSIDE.parent
) -> list[list[str]]:
    """For each job, of each response: `passed`, `not passed`, or how the checker broke.

    A checker that ends its process, or has it ended, broke on the response it was at and on its others after that. The
    jobs after it get a new process. `filters` is the folder of the module `seccomp`. Raises ServiceError where the
    kernel confines no process: nothing is run there.
    """
    limits, results = limits or SandboxLimits(), list[list[str]]()
    async with _slots():
        while len(results) < len(jobs):
            left = jobs[len(results) :]
            reports = await _run(left, limits, filters)
            reported = reports.results
            whole = next((n for n, job in enumerate(left) if len(reported[n]) < len(job.responses)), len(left))
            results += reported[:whole]
            if whole < len(left):
                missing = len(left[whole].responses) - len(reported[whole])
                results.append([*reported[whole], *[f"the checker {reports.ended}"] * missing])
    return results


def _slots() -> asyncio.Semaphore:
    """As many processes at once as there are processors, whatever asks for them on this loop."""
    loop = asyncio.get_running_loop()
    if loop not in _SLOTS:
        _SLOTS[loop] = asyncio.Semaphore(os.cpu_count() or 1)
    return _SLOTS[loop]


@dataclass(slots=True)
class _Reported:
    """What one process reported, job by job, and how it ended."""

    results: list[list[str]]
    confined: bool = False
    ended: str = ""


async def _run(jobs: Sequence[CheckerJob], limits: SandboxLimits, filters: Path) -> _Reported:
    with tempfile.TemporaryDirectory(prefix="spar-checkers-") as name:
        folder = Path(name)
        work = {
            "jobs": [[job.source, list(job.responses)] for job in jobs],
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "filter": str(filters),
        }
        (folder / "work.json").write_text(json.dumps(work), encoding="utf-8")
        command = [sys.executable, "-I", "-S", "-B", str(_INSIDE), str(folder / "work.json")]
        child = await start_child(command, log=folder / "log", env={}, reports=True)
        reports = _Reported([[] for _ in jobs])
        try:
            async with asyncio.timeout(limits.wall_s):
                if await _read_reports(child, reports, jobs):
                    reports.ended = _ending(await child.wait(), limits)
                else:
                    reports.ended = "wrote what is no report"
        except TimeoutError:
            reports.ended = f"took more than {limits.wall_s:g} s"
        finally:
            child.kill()
            await child.wait()
    if not reports.confined:
        raise ServiceError(
            f"Checkers are not run here: their process {reports.ended} before the kernel had confined it.",
            "Run this on Linux (x86-64 or arm64) with seccomp, or try again if it was only slow.",
        )
    return reports


def _ending(exit_code: int, limits: SandboxLimits) -> str:
    if exit_code == 128 + signal.SIGXCPU:
        return f"used more than {limits.cpu_s} s of processor time"
    return f"ended its process (exit code {exit_code})"


async def _read_reports(child: Child, reports: _Reported, jobs: Sequence[CheckerJob]) -> bool:
    """Read reports until the process has sent all of them. False: a line was not the next report; nothing more is read.

    A checker can still report wrong results: its own, as its return value could, and those of the checkers after it,
    which come from the same teacher. That is all it can do.
    """
    expected = deque((number, index) for number, job in enumerate(jobs) for index in range(len(job.responses)))
    async for line in child.reports():
        if not reports.confined:
            reports.confined = line.strip() == _CONFINED
            continue
        if not expected:
            return True  # lines after the last report are ignored
        report = _parsed(line)
        if report is None or report[:2] != expected[0]:
            return False
        reports.results[report[0]].append(report[2])
        expected.popleft()
    return True


def _parsed(line: str) -> tuple[int, int, str] | None:
    if len(line) > _LONGEST_LINE:
        return None
    try:
        job, index, text = json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None
    if type(job) is not int or type(index) is not int or not isinstance(text, str):
        return None
    return job, index, storable(redact(text[:_LONGEST_REPORT]))
