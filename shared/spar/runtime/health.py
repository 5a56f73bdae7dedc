"""Whether a process of ours is well, for a container's health check: exit code 0, or 1 and a line that says why not.

    python -m spar.runtime.health        the worker here is connected to its broker: SPAR_ALIVE_FILE is young
    python -m spar.runtime.health URL    the URL replies with a good status

Run every few seconds, so it loads nothing that takes time. The worker's half is `touch_while_connected`.
"""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

ALIVE_FILE = "SPAR_ALIVE_FILE"
OLD_S = 30.0  # Celery sends a sign of life every 2 s; a busy machine may take a while
REPLY_S = 4.0


def touch_while_connected(path: Path, silent_s: Callable[[], float]) -> None:
    """Have this process's Celery worker touch the file with each sign of life that it sends its broker, as long as the
    threads that do the work show signs of life too: `silent_s` is how long the most silent of them has shown none."""
    from celery.signals import heartbeat_sent

    def touch(**_: object) -> None:
        if silent_s() <= OLD_S:
            path.touch()

    path.unlink(missing_ok=True)  # left by a worker that was killed
    heartbeat_sent.connect(touch, weak=False)


def trouble_with_file(path: Path, now: float) -> str | None:
    """Why the worker of this file is not well, or None."""
    try:
        age = now - path.stat().st_mtime
    except FileNotFoundError:
        return f"{path} is not there: the worker has not been connected to its broker yet"
    if age > OLD_S:
        return (
            f"{path} was touched {age:.0f} s ago: the worker is not connected to its broker, or its threads stand still"
        )
    return None


def trouble_with_url(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=REPLY_S):
            return None
    except urllib.error.HTTPError as error:
        return f"{url} replies {error.code}: {error.read(1000).decode(errors='replace')}"
    except OSError as error:
        return f"{url} cannot be reached: {error}"


def main() -> None:
    if len(sys.argv) > 1:
        trouble = trouble_with_url(sys.argv[1])
    else:
        trouble = trouble_with_file(Path(os.environ.get(ALIVE_FILE, "/tmp/spar-alive")), time.time())
    if trouble is not None:
        sys.exit(trouble)


if __name__ == "__main__":
    main()
