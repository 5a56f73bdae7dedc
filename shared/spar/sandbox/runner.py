"""Starts a checker's process, hears what it says of each response, and ends it in time, whatever it does.

What it may not do is given up inside (`inside`); here are the clock, the number of processes, and what is said of a
checker that never came back. Knows nothing of prompts or policies.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from spar.children import Child, start_child

_INSIDE = Path(__file__).with_name("inside.py")
_LONGEST_REPORT = 400  # characters: more than `inside` ever says of a response
_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one checker's process over all responses that it is given."""

    cpu_s: int = 2
    wall_s: float = 15.0  # processes wait for a busy machine, so much longer than the processor time
    memory_bytes: int = 256 << 20  # of address space, of which Python itself takes some 40 MB


async def run_checker(source: str, responses: Sequence[str], limits: Limits | None = None) -> list[str]:
    """For each response `passed`, `not passed`, or how the checker broke; `source` defines `evaluate(response)`.

    A checker that ends its process, or is ended, has broken on the response it was at and on all after it.
    """
    limits = limits or Limits()
    if not responses:
        return []
    async with _slots():
        with tempfile.TemporaryDirectory(prefix="spar-checker-") as folder:
            return await _run(Path(folder), source, responses, limits)


def _slots() -> asyncio.Semaphore:
    """As many checkers at once as there are processors, whatever asks for them on this loop."""
    loop = asyncio.get_running_loop()
    if loop not in _SLOTS:
        _SLOTS[loop] = asyncio.Semaphore(os.cpu_count() or 1)
    return _SLOTS[loop]


async def _run(folder: Path, source: str, responses: Sequence[str], limits: Limits) -> list[str]:
    job = folder / "job.json"
    job.write_text(
        json.dumps(
            {
                "source": source,
                "responses": list(responses),
                "cpu_s": limits.cpu_s,
                "memory_bytes": limits.memory_bytes,
                "filter": str(_INSIDE.parent),
            }
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-I", "-S", "-B", str(_INSIDE), str(job)]
    child = await start_child(command, log=folder / "log", env={}, reports=True)
    said: dict[int, str] = {}
    try:
        async with asyncio.timeout(limits.wall_s):
            await _hear(child, said, len(responses))
            code = await child.wait()
        ended = f"ended its process (exit code {code})"
    except TimeoutError:
        ended = f"took more than {limits.wall_s:g} s"
    finally:
        child.kill()
        await child.wait()
    return [said.get(index, f"the checker {ended}") for index in range(len(responses))]


async def _hear(child: Child, said: dict[int, str], expected: int) -> None:
    """What is not a report of the right form is not taken: the code inside could write to the descriptor itself."""
    async for line in child.reports():
        report = _parsed(line)
        if report is not None and report[0] == len(said) < expected:
            said[report[0]] = report[1]


def _parsed(line: str) -> tuple[int, str] | None:
    try:
        index, text = json.loads(line)
    except (ValueError, TypeError):
        return None
    return (index, text[:_LONGEST_REPORT]) if isinstance(index, int) and isinstance(text, str) else None
