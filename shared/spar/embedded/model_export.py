"""Puts a trained model of a home into a folder: as it is, or, an adapter, merged into its base (which loads torch)."""

from dataclasses import replace
from pathlib import Path

from spar.embedded.home import Home
from spar.errors import DataError
from spar.export.facts import CardFacts, RunFacts
from spar.export.models import copy_files, name_hub_base, write_model
from spar.lora import is_adapter
from spar.messages.base import ModelRef
from spar.runtime.models import model_folder
from spar.store.directory import DirectoryStore
from spar.store.models import CACHE_BYTES, ModelCache


def export_model(
    home: Home, run: RunFacts, model: CardFacts, ref: ModelRef, out: Path, merge: bool, licence: str | None = None
) -> dict[str, str]:
    """Returns the files written. Raises DataError, ModelUnusable, StoreError."""
    cache = ModelCache(home.work / "models", DirectoryStore(home.store), CACHE_BYTES)
    try:
        folder = model_folder(ref, cache)
        adapter = is_adapter(folder)
        if merge and not adapter:
            raise DataError(f"The {model.role} of iteration {model.iteration} is a whole model.", "Leave out --merge.")
        facts = replace(model, adapter=adapter, merged=merge)

        def fill(half: Path) -> None:
            if merge:
                from spar.training.weights import write_merged

                write_merged(folder, half)
            else:
                copy_files(folder, half)
                if adapter:
                    name_hub_base(half, model.base)

        return write_model(run, facts, fill, out, licence)
    finally:
        cache.close()
