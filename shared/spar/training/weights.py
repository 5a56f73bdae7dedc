"""Loads a base model to be trained, and writes a trained one so that every engine takes it.

A model directory is safetensors and everything else that lay beside the base's: its config, tokenizer, chat template
and generation config are copied byte for byte, because trainers touch them (pad token, use_cache) and a model must be
served with what it was trained with. Loads torch: the trainer's child only.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from spar.errors import ModelUnusable

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".index.json")
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_NOT_OURS = (".md", ".pdf")  # a model card speaks of the base


def load_base(base: Path) -> Any:
    """The base in float32: training updates are too small for bfloat16 weights (autocast does bf16 arithmetic)."""
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelUnusable(
            f"The model in {base} cannot be loaded: {str(error).splitlines()[0]}",
            "Check that config.json and the weights belong together and are whole.",
        ) from error


def write_model(trained: Any, base: Path, folder: Path) -> None:
    """Write the trained model (LoRA merged) to `folder`, in the dtype of the base's weights."""
    model = trained.merge_and_unload() if hasattr(trained, "merge_and_unload") else trained
    model.to(_stored_dtype(base)).save_pretrained(folder)
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.endswith(_WEIGHTS + _NOT_OURS):
            shutil.copyfile(file, folder / file.name)


def _stored_dtype(base: Path) -> torch.dtype:
    """The dtype of most of the base's tensors, read from the header of its first file."""
    with safe_open(min(base.glob("*.safetensors")), framework="pt") as weights:
        found = Counter(weights.get_slice(name).get_dtype() for name in weights.keys())  # noqa: SIM118  # no dict
    name = found.most_common(1)[0][0]
    if name not in _DTYPES:
        raise ModelUnusable(
            f"The weights in {base} are stored as {name}, which cannot be trained.",
            f"Use a model stored as one of: {', '.join(_DTYPES)}.",
        )
    return _DTYPES[name]
