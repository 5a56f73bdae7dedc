"""Finds the built-in models by name: `story/backbone`, `story/actor`, `story/refiner`, `story/one`."""

from pathlib import Path

from spar.errors import ModelUnusable

NAMES: tuple[str, ...] = ("story/backbone", "story/actor", "story/refiner", "story/one")
MODELS = Path(__file__).parent / "models"


def builtin_model(name: str) -> Path:
    """The directory of a built-in model. Raises ModelUnusable for an unknown name or missing weights."""
    if name not in NAMES:
        raise ModelUnusable(f"Unknown built-in model '{name}'.", f"Choose one of: {', '.join(NAMES)}.")
    path = MODELS / name.removeprefix("story/")
    if not (path / "model.safetensors").is_file():
        raise ModelUnusable(
            f"The built-in model '{name}' lacks its weights at {path}.",
            "Reinstall the package, or retrain the models: spar world train --out DIR.",
        )
    return path
