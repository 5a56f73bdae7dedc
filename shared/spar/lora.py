"""What a LoRA adapter's folder looks like, and where its base is: one rule for trainers, engines and workers.

    adapter_config.json        as peft writes it; `base_model_name_or_path` is a path, absolute or from the folder
    adapter_model.safetensors  the adapter's weights, and nothing of the base's
    base.json                  ours only: the base as a model reference (fingerprint, location), which means the same
                               on every host
    base                       ours only: a link to the base's folder on this host, made where the adapter was located;
                               no part of the model (docs/decisions/0005-adapters.md)

and tokenizer files as beside a whole model. Standard library only; knows neither stores nor engines.
"""

import json
import os
from pathlib import Path
from typing import Any

from spar.errors import ModelUnusable

CONFIG = "adapter_config.json"
REFERENCE = "base.json"
LINK = "base"


def is_adapter(folder: Path) -> bool:
    return (folder / CONFIG).is_file()


def adapter_config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUnusable(
            f"{folder / CONFIG} cannot be read: {error}.", "Save the adapter with peft again."
        ) from error
    return config if isinstance(config, dict) else {}


def base_folder(folder: Path) -> Path:
    """The folder of the adapter's base on this host. Raises ModelUnusable."""
    named = adapter_config(folder).get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise ModelUnusable(f"{folder / CONFIG} names no base model.", "Save the adapter with peft again.")
    base = folder / Path(named).expanduser()  # an absolute path stays itself
    if not base.is_dir():
        raise ModelUnusable(
            f"The adapter {folder} wants the base model {named}, which is not on this host.",
            f"Put the base's folder there, or link it as {folder / LINK} and write 'base' in {CONFIG}.",
        )
    return base.resolve()


def link_base(folder: Path, base: Path) -> None:
    """Make the adapter's `base` lead to the base's folder on this host; atomic, so that several may do it at once."""
    link = folder / LINK
    if link.is_symlink() and link.resolve() == base.resolve():
        return
    fresh = folder / f".{LINK}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(base.resolve(), target_is_directory=True)
    fresh.replace(link)
