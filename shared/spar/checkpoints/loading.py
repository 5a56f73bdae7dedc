"""Weights of a folder, loaded whole or not at all.

transformers draws a tensor that the files lack at random, anew at every load, and goes on; peft warns. Such a model
measures, trains and publishes noise, so here it is a ModelUnusable that names the tensor. Loads no code and only
safetensors. Imports torch and transformers when called.
"""

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from spar.errors import ModelUnusable

PREFIXES = ("_orig_mod.", "module.")
"""Of every tensor's name, where the wrapped model of torch.compile or DataParallel was saved instead of the model."""


def load_weights(folder: Path, dtype: Any, **options: Any) -> Any:
    """The causal language model in `folder`. Raises ModelUnusable, and what transformers raises for broken files."""
    from transformers import AutoModelForCausalLM

    model, info = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        output_loading_info=True,
        **options,
    )
    require_whole(folder, info["missing_keys"], info["unexpected_keys"])
    return model


def put_adapter(model: Any, adapter: Path, trainable: bool = False) -> Any:
    """The model with the folder's adapter on it, as a PeftModel. Raises ModelUnusable."""
    from peft import PeftModel
    from peft.utils import get_peft_model_state_dict, load_peft_weights

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found missing adapter keys")  # an error below
        peft_model = PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
    wanted = set(get_peft_model_state_dict(peft_model, save_embedding_layers=False))
    found = set(load_peft_weights(str(adapter), device="cpu"))
    # An adapter may carry embeddings that it does not change; what else has no place was made for another base.
    unplaced = {name for name in found - wanted if "lora_" in name}
    require_whole(adapter, wanted - found, unplaced)
    return peft_model


def require_whole(folder: Path, missing: Collection[str], unexpected: Collection[str]) -> None:
    """Raises ModelUnusable that names the first tensor which is missing, or for which the model has no place."""
    if not missing and not unexpected:
        return
    lacks, extra = (f"{min(names)}{_more(names)}" if names else "" for names in (missing, unexpected))
    found = " and ".join(
        [*([f"lack {lacks}"] if lacks else []), *([f"have {extra}, for which it has no place"] if extra else [])]
    )
    prefix = next((each for each in PREFIXES if any(name.startswith(each) for name in unexpected)), None)
    raise ModelUnusable(
        f"The weights in {folder} are not those of its model: they {found}.",
        f"Save the model without its wrapper: every name begins with {prefix}"
        if prefix
        else "Copy the folder again, or save the model again; config.json and weights must be of one model.",
    )


def _more(names: Collection[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
