"""Finds the models that the package carries, by name: `story/backbone`, `story/actor`, `story/refiner`, `story/one`."""

from pathlib import Path

from spar.errors import ModelUnusable

NAMES: tuple[str, ...] = ("story/backbone", "story/actor", "story/refiner", "story/one")
MODELS = Path(__file__).parent / "models"


def builtin_model(name: str) -> Path:
    """The directory of a carried model. Raises ModelUnusable when there is none of that name."""
    if name not in NAMES:
        raise ModelUnusable(f"There is no built-in model '{name}'.", f"Choose one of: {', '.join(NAMES)}.")
    path = MODELS / name.removeprefix("story/")
    if not (path / "model.safetensors").is_file():
        raise ModelUnusable(
            f"The built-in model '{name}' lacks its weights at {path}.",
            "Install the package whole, or make the models again: spar world train --out DIR.",
        )
    return path
