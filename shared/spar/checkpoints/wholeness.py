"""How weights that are not whole are refused: by the first tensor that is wrong, with what to do. Knows no files."""

from collections.abc import Collection, Sequence
from pathlib import Path

from spar.errors import ModelUnusable

PREFIXES = ("_orig_mod.", "module.", "base_model.model.")
"""Of every tensor's name, where the wrapped model of torch.compile, DataParallel or peft was saved instead of the
model."""


def require_whole(folder: Path, missing: Collection[str], unexpected: Collection[str]) -> None:
    """Raises ModelUnusable that names the first tensor which is missing, or for which the model has no place."""
    if not missing and not unexpected:
        return
    lacks, extra = (f"{min(names)}{_more(names)}" if names else "" for names in (missing, unexpected))
    found = " and ".join(
        [*([f"lack {lacks}"] if lacks else []), *([f"have {extra}, for which it has no place"] if extra else [])]
    )
    # An adapter's own tensors begin like that too.
    wrapped = [name for name in unexpected if ".lora_" not in name]
    prefix = next((each for each in PREFIXES if any(name.startswith(each) for name in wrapped)), None)
    raise ModelUnusable(
        f"The weights in {folder} are not those of its model: they {found}.",
        f"Save the model without its wrapper: every name begins with {prefix}"
        if prefix
        else "Copy the folder again, or save the model again; config.json and weights must be of one model.",
    )


def require_shape(folder: Path, name: str, found: Sequence[int], wanted: Sequence[int]) -> None:
    """Raises ModelUnusable unless a tensor has the shape that its model's config.json asks for."""
    if list(found) != list(wanted):
        raise ModelUnusable(
            f"The weights in {folder} are not those of its model: {name} has the shape {list(found)}, which must be "
            f"{list(wanted)}.",
            "Copy the folder again, or save the model again: weights must be of the model, rank and base that the "
            "folder's configuration names.",
        )


def _more(names: Collection[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
