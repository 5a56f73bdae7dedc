"""Which GPUs this host has, where their lock files are, and whether there are enough, read from the environment.

    SPAR_GPUS          UUIDs, comma separated, instead of what nvidia-smi lists; empty: none (tests, part of a host)
    SPAR_GPU_LOCK_DIR  where the lock files are, shared by all replicas of the host
    SPAR_GPU_ROLES     how many engines run here at once (generation, judgment, refinement: 3); trainers wait instead

Knows nothing of locking or of what uses a GPU. Never initialises CUDA: a process that did could no longer share a GPU.
"""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spar.errors import RecipeError, ServiceError

GPUS_VARIABLE = "SPAR_GPUS"
LOCK_DIR_VARIABLE = "SPAR_GPU_LOCK_DIR"
ROLES_VARIABLE = "SPAR_GPU_ROLES"
DEFAULT_LOCK_DIR = Path("/var/lock/spar")
SINGLE_GPU = "deploy/compose/single-gpu.yml"
_QUERY_S = 60.0  # nvidia-smi takes some seconds on a large host without the persistence daemon


@dataclass(frozen=True, slots=True)
class GpuHost:
    """A host's GPUs by UUID, in the driver's order; `roles` engines need theirs at the same time."""

    uuids: tuple[str, ...]
    locks: Path = DEFAULT_LOCK_DIR
    roles: int = 1

    def require(self, count: int, purpose: str) -> None:
        """Refuse a claim on more GPUs than the host has, which would wait for ever. Raises RecipeError."""
        if count > len(self.uuids):
            raise RecipeError(
                f"{purpose} needs {_gpus(count)}, and this host has {len(self.uuids) or 'none'}.",
                f"Lower tensor_parallel, add GPUs, or use deploy/compose/cpu.yml where there are none ({GPUS_VARIABLE} "
                "names them where nvidia-smi does not).",
            )

    def require_roles(self, tensor_parallel: int) -> None:
        """Refuse a host with too few GPUs for its engines. Raises RecipeError."""
        wanted = self.roles * tensor_parallel
        if wanted > len(self.uuids):
            raise RecipeError(
                f"{self.roles} engine(s) with {_gpus(tensor_parallel)} each need {wanted}, and this host has "
                f"{len(self.uuids) or 'none'}.",
                f"Add -f {SINGLE_GPU}: there one worker does all the work in turn. (Or lower tensor_parallel.)",
            )


def this_host(environment: Mapping[str, str] = os.environ) -> GpuHost:
    """Blocks while nvidia-smi runs. Raises ServiceError for a driver that is installed and does not work."""
    named = environment.get(GPUS_VARIABLE)
    uuids = _query_driver() if named is None else tuple(uuid.strip() for uuid in named.split(",") if uuid.strip())
    locks = Path(environment.get(LOCK_DIR_VARIABLE) or DEFAULT_LOCK_DIR)
    return GpuHost(uuids, locks, _roles(environment.get(ROLES_VARIABLE) or "1"))


def refuse_too_small_a_host(environment: Mapping[str, str] = os.environ) -> None:
    """At a worker's start: where SPAR_GPU_ROLES is set, there must be a GPU for each. Raises RecipeError.

    An empty SPAR_GPUS means that none are to be used.
    """
    if environment.get(ROLES_VARIABLE) and environment.get(GPUS_VARIABLE) != "":
        this_host(environment).require_roles(1)


def _roles(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ServiceError(
            f"{ROLES_VARIABLE} is '{text}'.", "Set it to the number of engines that run at once, from 1."
        )
    return int(text)


def _query_driver() -> tuple[str, ...]:
    command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=_QUERY_S, check=True)
    except FileNotFoundError:
        return ()
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stdout", None) or error
        raise ServiceError(
            f"nvidia-smi cannot list this host's GPUs: {reason}.",
            f"Repair the driver, or name the GPUs in {GPUS_VARIABLE} (empty: none).",
        ) from error
    return tuple(line.strip() for line in reply.stdout.splitlines() if line.strip())


def _gpus(count: int) -> str:
    return f"{count} GPU{'s' if count > 1 else ''}"
