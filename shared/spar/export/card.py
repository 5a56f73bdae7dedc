"""The card of an export: README.md with the front matter that the Hugging Face hub and `load_dataset` read."""

from pathlib import Path
from typing import Any

from spar.export.card_text import card_text
from spar.export.facts import Origin, RunFacts
from spar.export.formats import FORMATS
from spar.export.licences import parts_of


def write_card(path: Path, run: RunFacts, manifest: dict[str, Any], licence: str | None) -> None:
    """`manifest`: the export's, without its files; `licence`: the one chosen by its owner."""
    from huggingface_hub import DatasetCard, DatasetCardData  # a quarter of a second

    front = DatasetCardData(
        license=licence or "other",
        tags=["spar", "preference", "synthetic"],
        configs=[{"config_name": name, "data_files": file} for name, file in manifest["sets"].items()],
    )
    models = run.recipe.get("models", {})
    text = card_text(
        "dataset.md.jinja",
        run=run,
        manifest=manifest,
        format=FORMATS[manifest["format"]],
        prompts=run.recipe.get("prompts", {}),
        models=models,
        refinements=run.origin is Origin.REFINEMENTS,
        parts=parts_of(run, _named(models)),
        chosen=licence,
    )
    DatasetCard(f"---\n{front}\n---\n\n{text}").save(path)


def _named(models: dict[str, Any]) -> list[str]:
    """The models that the recipe names, from which all others are trained."""
    return [name for key, name in models.items() if isinstance(name, str) and key not in ("shared", "one")]
