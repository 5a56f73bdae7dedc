"""Where a model's config.json is found without fetching anything: its folder, the hub's cache here, our own table.

The table (known_configs.json) holds the built-in recipes' models, each with its source.
"""

import json
from collections.abc import Mapping
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spar.errors import ModelUnusable
from spar.lora import base_folder, is_adapter

Config = Mapping[str, Any]


def config_in(folder: Path) -> Config:
    """Of a model's folder, or of an adapter's base. Raises ModelUnusable."""
    path = (base_folder(folder) if is_adapter(folder) else folder) / "config.json"
    try:
        config: Config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{path} cannot be read: {error}.", "Name a model's own folder.") from error
    return config


def config_on_hub(identifier: str) -> Config:
    """Of `ID@REVISION` (what follows `hub:`). Raises ModelUnusable for one that is neither here nor known."""
    name, _, revision = identifier.partition("@")
    cached = _cached(name, revision)
    if cached is not None:
        return config_in(cached.parent)
    known = json.loads((resources.files("spar.planning") / "known_configs.json").read_text())
    if name not in known:
        raise ModelUnusable(
            f"The configuration of hub:{identifier} is not on this host, and not among those known here.",
            "Fetch its config.json into a folder and plan with the folder: --set models.actor=DIR.",
        )
    config: Config = known[name]["config"]
    return config


def _cached(name: str, revision: str) -> Path | None:
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name, "config.json", revision=revision or None)
    return Path(found) if isinstance(found, str) else None
