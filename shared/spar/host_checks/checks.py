"""The host's checks that `spar doctor` reports: one function a subject, each returning checks. Changes nothing.

Knows what the embedded mode needs; services are checked only where the environment names them.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from spar.errors import ModelUnusable, SparError
from spar.packages import install_command

FREE_BYTES = 2 * 1000**3  # a demo run with its checkpoints takes some hundred megabytes
PACKAGES = {
    "": ("celery", "sqlmodel", "alembic", "aiohttp", "pydantic", "zstandard", "redis", "psycopg", "minio", "fastapi"),
    "cpu": ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "safetensors"),
}


class CheckState(StrEnum):
    OK = "ok"
    WARNING = "warning"  # works, but look at it
    MISSING = "missing"  # the embedded mode does not work without it
    UNREACHABLE = "unreachable"  # a service that the environment names


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCheck:
    name: str
    state: CheckState
    detail: str
    fix: str = ""


def run_checks() -> Iterator[HostCheck]:
    for subject in SUBJECTS:
        yield from subject()


def _python() -> Iterator[HostCheck]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    fits = (3, 11) <= sys.version_info[:2] < (3, 13)
    yield HostCheck(
        name="python",
        state=CheckState.OK if fits else CheckState.MISSING,
        detail=version,
        fix="" if fits else "Use Python 3.11 or 3.12.",
    )


def _packages() -> Iterator[HostCheck]:
    for extra, names in PACKAGES.items():
        for name in names:
            try:
                yield HostCheck(name=name, state=CheckState.OK, detail=metadata.version(name))
            except metadata.PackageNotFoundError:
                fix = f"Run make setup, or {install_command(extra)}" if extra else "Install this project again."
                yield HostCheck(name=name, state=CheckState.MISSING, detail="not installed", fix=fix)


def _makers() -> Iterator[HostCheck]:
    """The engines and trainers that recipes can name."""
    for group in ("spar.engines", "spar.trainers"):
        entries = sorted(metadata.entry_points(group=group), key=lambda entry: entry.name)
        broken = [entry.name for entry in entries if not _module_is_there(entry.module)]
        names = ", ".join(entry.name for entry in entries if entry.name not in broken)
        if broken or not entries:
            yield HostCheck(
                name=group,
                state=CheckState.MISSING,
                detail=f"broken: {', '.join(broken) or 'all'}",
                fix="Run make setup again.",
            )
        else:
            yield HostCheck(name=group, state=CheckState.OK, detail=names)


def _module_is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # one of its parents is missing
        return False


def _torch() -> Iterator[HostCheck]:
    if find_spec("torch") is None:
        return  # reported by _packages
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield HostCheck(name="torch threads", state=CheckState.OK, detail=f"{torch.get_num_threads()} of {cores} cores")
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield HostCheck(name="gpu", state=CheckState.OK, detail=", ".join(gpus) or "none (the demo needs none)")


def _disk() -> Iterator[HostCheck]:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    detail = f"{free / 1000**3:.1f} GB free in {here}"
    if not os.access(here, os.W_OK):
        yield HostCheck(
            name="disk",
            state=CheckState.WARNING,
            detail=f"{here} cannot be written",
            fix="Go to a folder of your own, or use --dir.",
        )
    elif free < FREE_BYTES:
        yield HostCheck(
            name="disk", state=CheckState.WARNING, detail=detail, fix=f"A run wants {FREE_BYTES / 1000**3:.0f} GB."
        )
    else:
        yield HostCheck(name="disk", state=CheckState.OK, detail=detail)


def _builtin_models() -> Iterator[HostCheck]:
    from spar.worlds.story.builtin import NAMES, builtin_model

    for name in NAMES:
        try:
            detail = _load_model(builtin_model(name))
        except (SparError, OSError, ValueError) as error:
            fix = error.fix if isinstance(error, SparError) else "Make the models again: spar world train."
            what = error.what if isinstance(error, SparError) else str(error)
            yield HostCheck(name=f"builtin:{name}", state=CheckState.MISSING, detail=what, fix=fix)
        else:
            yield HostCheck(name=f"builtin:{name}", state=CheckState.OK, detail=detail)


def _load_model(folder: Path) -> str:
    """Load it as the engine does, and tell its size."""
    if find_spec("transformers") is None:
        raise ModelUnusable("Cannot be loaded: transformers is not installed.", "Run make setup.")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return f"{model.num_parameters() / 1e6:.2f}M parameters, {len(tokenizer)} tokens"


def _services() -> Iterator[HostCheck]:
    from spar.host_checks.services import NAMED_BY, reach

    for name in NAMED_BY:
        if NAMED_BY[name] in os.environ:
            failure = reach(name)
            state = CheckState.UNREACHABLE if failure else CheckState.OK
            fix = f"Start it, or correct {NAMED_BY[name]}." if failure else ""
            yield HostCheck(name=name, state=state, detail=failure or "reachable", fix=fix)


SUBJECTS: tuple[Callable[[], Iterator[HostCheck]], ...] = (
    _python,
    _packages,
    _makers,
    _torch,
    _disk,
    _builtin_models,
    _services,
)
