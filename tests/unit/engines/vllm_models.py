"""What tests of engines on GPUs share: model directories that look whole, and waiting for other processes."""

import asyncio
import json
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

from spar.engines.base import LocalModel

NO_TENSORS = (2).to_bytes(8, "little") + b"{}"
"""A whole safetensors file that holds nothing."""


def write_model(folder: Path, name: str) -> LocalModel:
    path = folder / name
    path.mkdir()
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(NO_TENSORS)
    return LocalModel(name, path=path)


def write_adapter(folder: Path, name: str, base: Path | str, rank: int = 16) -> LocalModel:
    path = folder / name
    path.mkdir()
    (path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base), "r": rank}))
    (path / "adapter_model.safetensors").write_bytes(NO_TENSORS)
    return LocalModel(name, path=path)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does, as its files tell."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - files notify nobody
            await asyncio.sleep(0.02)


def gone(pidfd: int, seconds: float = 20.0) -> bool:
    """Whether the process behind the descriptor has ended, or does in time."""
    return bool(select.select([pidfd], [], [], seconds)[0])


def told(process: subprocess.Popen[str], prefix: str) -> str:
    """The rest of the first line of the process's output that starts so; logs go before it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(prefix):
            return line.removeprefix(prefix).strip()
    raise AssertionError(f"the process ended without saying {prefix}")
