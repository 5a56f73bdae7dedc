"""The command line of `vllm serve` and its environment, from settings and a lineup. Pure, except for finding `vllm`."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import gettempdir

from spar.engines.vllm_server.lineup import Lineup
from spar.errors import EngineUnavailable
from spar.recipes.models import EngineSettings
from spar.redaction import without_secrets

COMMAND_VARIABLE = "SPAR_VLLM_COMMAND"
"""Environment variable: a command instead of `vllm`, such as another virtual environment's. Never from a recipe."""

LOOPBACK = "127.0.0.1"
_OURS = "SPAR_"
_ALWAYS = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


def vllm_command(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The command that starts vLLM: SPAR_VLLM_COMMAND, else `vllm` of this environment, else of PATH."""
    if named := environment.get(COMMAND_VARIABLE):
        return tuple(shlex.split(named))
    beside = Path(sys.executable).with_name("vllm")
    found = str(beside) if beside.is_file() else shutil.which("vllm")
    if found is None:
        raise EngineUnavailable(
            "There is no `vllm` command here.",
            f"Install vLLM into this environment, name another's in {COMMAND_VARIABLE}, or set engine.url.",
        )
    return (found,)


def serve_arguments(settings: EngineSettings, lineup: Lineup, port: int) -> list[str]:
    """Everything after `vllm`. The recipe's own arguments come first: in a conflict, ours win."""
    vllm = settings.vllm
    plain = [model.name for model in lineup.plain] or ["spar-base"]
    return [
        "serve",
        str(lineup.base),
        *vllm.extra_args,
        f"--host={LOOPBACK}",
        f"--port={port}",
        "--served-model-name",
        *plain,
        f"--dtype={settings.dtype}",
        f"--max-num-seqs={settings.max_batch}",
        "--enable-prefix-caching",
        # Else the sampling defaults of the model's generation_config.json (top_k, penalties) would silently apply too.
        "--generation-config=vllm",
        "--disable-uvicorn-access-log",
        *([] if vllm.max_model_len is None else [f"--max-model-len={vllm.max_model_len}"]),
        *_on_gpus(settings),
        *_with_adapters(lineup),
    ]


def serve_environment(
    devices: Mapping[str, str], scratch: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The server's environment: this process's without credentials, and with downloads of models switched off.

    `scratch` is its temporary folder: vLLM creates sockets and files with new names at every start and leaves them
    behind. What torch compiles is kept, in the folder that it would use without `scratch`.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(_OURS)}
    theirs = without_secrets(kept)
    temporary = {"TMPDIR": str(scratch), "VLLM_RPC_BASE_PATH": str(scratch)}
    compiled = {"TORCHINDUCTOR_CACHE_DIR": str(Path(gettempdir()) / f"torchinductor_{os.getuid()}")}
    return {**compiled, **theirs, **_ALWAYS, **temporary, **devices}


def _on_gpus(settings: EngineSettings) -> Sequence[str]:
    vllm = settings.vllm
    if vllm.device == "cpu":
        return []
    return [
        f"--tensor-parallel-size={vllm.tensor_parallel}",
        f"--gpu-memory-utilization={vllm.gpu_memory_utilization}",
    ]


def _with_adapters(lineup: Lineup) -> Sequence[str]:
    if not lineup.adapters:
        return []
    return [
        "--enable-lora",
        f"--max-loras={len(lineup.adapters)}",
        f"--max-lora-rank={lineup.rank}",
        "--lora-modules",
        *(f"{adapter.name}={adapter.path}" for adapter in lineup.adapters),
    ]
