"""Raises the error for incomplete weights, which names the first wrong tensor and what to do. Knows no files."""

from collections.abc import Collection, Sequence
from pathlib import Path

from spar.errors import ModelUnusable

PREFIXES = ("_orig_mod.", "module.", "base_model.model.")
"""Prefixes of tensor names when the wrapper of torch.compile, DataParallel or peft was saved instead of the model."""


def require_whole(folder: Path, missing: Collection[str], unexpected: Collection[str]) -> None:
    """Raises ModelUnusable naming the first missing tensor, or the first for which the model has no place."""
    if not missing and not unexpected:
        return
    lacks, extra = (f"{min(names)}{_more(names)}" if names else "" for names in (missing, unexpected))
    found = " and ".join(
        [*([f"lack {lacks}"] if lacks else []), *([f"have {extra}, for which it has no place"] if extra else [])]
    )
    # An adapter's own tensors also begin with a prefix.
    wrapped = [name for name in unexpected if ".lora_" not in name]
    prefix = next((each for each in PREFIXES if any(name.startswith(each) for name in wrapped)), None)
    raise ModelUnusable(
        f"The weights in {folder} are not those of its model: they {found}.",
        f"Save the model without its wrapper: every name begins with {prefix}"
        if prefix
        else "Copy the folder again, or save the model again; config.json and weights must be of one model.",
    )


def require_shape(folder: Path, name: str, found: Sequence[int], wanted: Sequence[int]) -> None:
    """Raises ModelUnusable unless a tensor has the shape required by its model's config.json."""
    if list(found) != list(wanted):
        raise ModelUnusable(
            f"The weights in {folder} are not those of its model: {name} has the shape {list(found)} instead of "
            f"{list(wanted)}.",
            "Copy the folder again, or save the model again: weights must be of the model, rank and base that the "
            "folder's configuration names.",
        )


def _more(names: Collection[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
