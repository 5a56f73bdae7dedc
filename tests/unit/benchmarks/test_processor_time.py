"""Processor time of a process includes that of its children, living and ended."""

import subprocess
import sys

from benchmarks.processor_time import cpu_seconds

BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint('burnt', flush=True)\n"
PARENT = f"""
import subprocess, sys
ended = subprocess.run([sys.executable, "-c", {BURN!r}])
living = subprocess.Popen([sys.executable, "-c", {BURN + "input()"!r}], stdin=subprocess.PIPE)
input()
living.communicate(b"\\n")
"""


def test_children_count() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        assert [parent.stdout.readline(), parent.stdout.readline()] == [b"burnt\n", b"burnt\n"]
        try:
            assert cpu_seconds(parent.pid) >= 0.58
        finally:
            parent.stdin.write(b"\n")
            parent.stdin.close()


def test_a_process_that_has_ended_has_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert cpu_seconds(ended.pid) == 0.0
