"""Loads a base model to be trained, and writes a trained one so that every engine takes it.

A whole model's directory has safetensors and the other files of the base: its config, tokenizer, chat template and
generation config are copied byte for byte, because trainers modify them (pad token, use_cache) and a model must be
served with what it was trained with. For an adapter's directory see `spar.lora`. Loads torch: only in the trainer's
child.
"""

import json
import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import safe_open

from spar.checkpoints.loading import load_weights, put_adapter
from spar.errors import ModelUnusable, TrainingDiverged
from spar.lora import CONFIG, LINK, base_folder, is_adapter, link_base
from spar.training.base import TrainJob

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".index.json")
_DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
_NOT_OURS = (".md", ".pdf")  # a model card describes the base


def load_base(job: TrainJob) -> Any:
    """The base, ready for training; with its adapter, if it is one.

    A fully trained model is held in float32, whatever the compute dtype: at the paper's learning rate of 2e-7 an update
    is a thousandth of what bfloat16 can add to a weight of 0.02. Weights frozen by lora are held in the compute dtype.
    """
    frozen = job.settings.lora is not None and job.settings.dtype == "bfloat16"
    model = _load(whole_base(job.base), torch.bfloat16 if frozen else torch.float32)
    if not is_adapter(job.base):
        return model
    return put_adapter(model, job.base, trainable=True)


def whole_base(base: Path) -> Path:
    return base_folder(base) if is_adapter(base) else base


def _load(folder: Path, dtype: torch.dtype) -> Any:
    try:
        return load_weights(folder, dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelUnusable(
            f"The model in {folder} cannot be loaded: {str(error).splitlines()[0]}",
            "Check that config.json and the weights belong together and are whole.",
        ) from error


def gathered(trainer: Any) -> dict[str, Any] | None:
    """The weights of a model sharded among ranks, on the first one; None if every rank holds all of them.

    All ranks must call it.
    """
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    weights: dict[str, Any] = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    return weights


def require_finite(model: Any, weights: dict[str, Any] | None) -> None:
    """Raises TrainingDiverged if the last update left a non-finite weight, which no later step would reveal."""
    for name, tensor in model.named_parameters() if weights is None else weights.items():
        if not torch.isfinite(tensor).all():
            raise TrainingDiverged(
                f"The training's last step left {name} with values that are not finite; no model was written.",
                "Lower learning_rate in this training's settings, or train in float32.",
            )


def write_trained(model: Any, weights: dict[str, Any] | None, job: TrainJob, folder: Path) -> None:
    """Write the trained model to `folder`: whole, in the dtype of the base's weights, or as an adapter."""
    lora = job.settings.lora
    if lora is None:
        _write_whole(model, weights, whole_base(job.base), folder)
    elif not lora.merge:
        _write_adapter(model, job.base, folder)
    else:
        with TemporaryDirectory() as adapter:
            _write_adapter(model, job.base, Path(adapter))
            _write_whole(_merged(whole_base(job.base), Path(adapter)), None, whole_base(job.base), folder)


def write_merged(adapter: Path, folder: Path) -> None:
    """Write an adapter merged into its base, in the dtype of the base's weights, for programs that load no adapters."""
    base = whole_base(adapter)
    _write_whole(_merged(base, adapter), None, base, folder)


def _write_whole(model: Any, weights: dict[str, Any] | None, base: Path, folder: Path) -> None:
    dtype = _stored_dtype(base)
    if weights is None:
        model.to(dtype).save_pretrained(folder)
    else:
        model.save_pretrained(folder, state_dict={name: tensor.to(dtype) for name, tensor in weights.items()})
    _copy_rest(base, folder)


def _write_adapter(model: Any, base: Path, folder: Path) -> None:
    """Write only `default`, not DPO's reference copy of it. The link beside it names its base."""
    model.save_pretrained(folder, selected_adapters=["default"], save_embedding_layers=False)
    _copy_rest(base, folder, ("config.json", CONFIG))
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
    config = json.loads((folder / CONFIG).read_bytes())
    config["base_model_name_or_path"] = LINK
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    link_base(folder, whole_base(base))


def _merged(base: Path, adapter: Path) -> Any:
    """A fresh copy of the base with the adapter merged: the trained copy may have been held in another dtype."""
    return put_adapter(_load(base, _stored_dtype(base)), adapter).merge_and_unload()


def _copy_rest(base: Path, folder: Path, without: tuple[str, ...] = ()) -> None:
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.endswith(_WEIGHTS + _NOT_OURS) and file.name not in without:
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
