"""A small recipe on the simulated engine and trainer, run as a user does: `spar` in a separate process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from sqlmodel import Session, create_engine, select

from spar.db.tables import Step

SPAR = [sys.executable, "-m", "spar.cli.main"]
PATIENCE_S = 120.0


def write_model(folder: Path, mark: str) -> Path:
    """What the simulated engine accepts as a model: a directory with files to fingerprint."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"mark": mark}))
    (folder / "model.safetensors").write_bytes(mark.encode())
    return folder


def write_recipe(folder: Path, **changes: Any) -> Path:
    recipe: dict[str, Any] = {
        "name": "simulated",
        "iterations": 2,
        "models": {
            "actor": str(write_model(folder / "models" / "actor", "a")),
            "refiner": str(write_model(folder / "models" / "refiner", "r")),
        },
        "prompts": {"source": "world:story", "per_iteration": 60, "shard_size": 5},
        "engine": {"kind": "simulated"},
        "training": {"actor": {"kind": "simulated"}, "refiner": {"kind": "simulated"}},
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**recipe, **changes}))
    return path


def start(arguments: Sequence[str | Path], **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*SPAR, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def run(arguments: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SPAR, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def interrupt_when(process: subprocess.Popen[str], home: Path, seen: Callable[[list[Step]], bool], sign: int) -> None:
    """Send the signal as soon as the run's steps satisfy the condition."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen(steps_of(home)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the run never got there"
    os.kill(process.pid, sign)
    process.wait(timeout=PATIENCE_S)


def kill_when(process: subprocess.Popen[str], home: Path, seen: Callable[[list[Step]], bool]) -> None:
    interrupt_when(process, home, seen, signal.SIGKILL)
    process.communicate()


def steps_of(home: Path) -> list[Step]:
    """The run's current steps; none as long as there is no database."""
    if not (home / "spar.db").exists():
        return []
    engine = create_engine(f"sqlite:///{home / 'spar.db'}")
    try:
        with engine.connect() as connection:
            if not engine.dialect.has_table(connection, "step"):
                return []
        with Session(engine) as session:
            return list(session.exec(select(Step)))
    finally:
        engine.dispose()


def report_of(home: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((home / "report.json").read_text())
    return report


def facts_of(report: dict[str, Any]) -> list[Any]:
    """Facts that must not depend on how often a run was interrupted."""
    return [
        report["status"],
        [model["fingerprint"] for model in report["models"]],
        [[entry[key] for key in ("outcomes", "pairs", "tree_sizes", "prompts")] for entry in report["iterations"]],
    ]
