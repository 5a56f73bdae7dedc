"""The simulated model server in a process of its own, for what has to be seen from outside: commands, times, deaths."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INSTANT = ("--step-base", "0", "--step-per-sequence", "0", "--prefill-per-token", "0")
"""Options of a server that takes no time."""


@contextmanager
def server_process(*options: str) -> Iterator[str]:
    """Its base URL, ending in /v1, on a free port; `options` are those of `python -m spar.testing.serve`."""
    command = [sys.executable, "-m", "spar.testing.serve", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
