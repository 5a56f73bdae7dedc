"""The API as a process of its own on loopback, over a stage's database and store; and the command line against it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.api.conftest import TOKEN

Done = subprocess.CompletedProcess[str]


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPAR_")}
    return {
        **kept,
        "SPAR_DATABASE_URL": f"sqlite:///{folder / 'spar.db'}",
        "SPAR_STORE_DIR": str(folder / "store"),
        "SPAR_BROKER_URL": "memory://",
        "SPAR_API_PORT": "0",
        "SPAR_API_TOKEN": TOKEN,
        **more,
    }


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[str]:
    """Its address, as long as the block lasts."""
    command = [sys.executable, "-m", "services.api.worker"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(folder, **more)) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def spar(folder: Path, url: str, *arguments: str, **more: str) -> Done:
    given = environment(folder, SPAR_API_URL=url, **more)
    command = [sys.executable, "-m", "spar.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=given, cwd=folder)
