"""A process whose Celery worker ends by itself ends with a message and an exit code, not as one that was stopped."""

import os
import subprocess
import sys

WAIT_S = 60.0

ENDING = """
from celery import bootsteps
from spar.runtime.app import app, configure
from spar.runtime.process import consume, main

class Failing(bootsteps.StartStopStep):
    def start(self, parent):
        raise LookupError("a bug")

def start(settings):
    configure(settings)
    app.steps["worker"].add(Failing)
    consume(["generation"], 1, "worker@test", None, lambda: 0.0)

main(start)
"""


def test_a_worker_that_ends_by_itself_is_reported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING],
        env={**os.environ, "SPAR_BROKER_URL": "memory://"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == 1
    assert "error: Celery's worker ended by itself." in done.stderr
    assert "fix: " in done.stderr
