"""Exports a trained model as a folder: its files, a card, GGUF instructions, the recipe, a manifest.

Written beside the output folder and renamed, so an existing folder is complete. Knows nothing of how models are loaded.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml

from spar.export.facts import CardFacts, RunFacts
from spar.export.gguf import FILE, instructions
from spar.export.model_card import model_card
from spar.export.writing import MANIFEST, check_free
from spar.hashing import file_sha256
from spar.lora import CONFIG

NOT_SHIPPED = ("base", "manifest.json", "README.md")
"""A link to a base on this host; the store's file list; a card of another model."""


def write_model(
    run: RunFacts, model: CardFacts, fill: Callable[[Path], None], out: Path, licence: str | None = None
) -> dict[str, str]:
    """`fill` writes the model's files to a folder. Returns the SHA-256 of each file written."""
    check_free(out)
    half = out.with_name(f".{out.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        fill(half)
        (half / "README.md").write_text(model_card(run, model, licence), encoding="utf-8")
        adapter = model.adapter and not model.merged
        (half / FILE).write_text(instructions(f"{run.run_id}-{model.name}", half, adapter), encoding="utf-8")
        recipe = yaml.safe_dump(run.recipe, sort_keys=False, allow_unicode=True)
        (half / "recipe.yaml").write_text(recipe, encoding="utf-8")
        files = {path.name: file_sha256(path) for path in sorted(half.iterdir())}
        facts = {"run": run.run_id, "role": model.role, "iteration": model.iteration, "fingerprint": model.fingerprint}
        (half / MANIFEST).write_text(json.dumps({**facts, "files": files}, indent=2) + "\n", encoding="utf-8")
        half.replace(out)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return files


def name_hub_base(folder: Path, reference: str) -> None:
    """Write the hub's name of the base into an adapter's config, so that peft finds it anywhere; else see base.json."""
    if reference.startswith("hub:"):
        config = json.loads((folder / CONFIG).read_bytes())
        config["base_model_name_or_path"] = reference.removeprefix("hub:").partition("@")[0]
        (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def copy_files(source: Path, folder: Path) -> None:
    """Copy a model's files, so that changes to them do not affect the store."""
    for path in sorted(source.iterdir()):
        if path.is_file() and path.name not in NOT_SHIPPED:
            shutil.copyfile(path, folder / path.name)
