"""Loads the weights of a folder, completely or not at all.

transformers silently initialises a tensor that is missing from the files at random, differently at every load; peft
warns. Evaluating, training or publishing such a model yields noise, so here a missing tensor raises ModelUnusable.
Loads no code and only safetensors. Imports torch and transformers when called.
"""

import warnings
from pathlib import Path
from typing import Any

from spar.checkpoints.architecture import check_architecture
from spar.checkpoints.headers import check_adapter_weights
from spar.checkpoints.wholeness import require_whole
from spar.lora import base_folder


def load_weights(folder: Path, dtype: Any, **options: Any) -> Any:
    """The causal language model in `folder`. Raises ModelUnusable, and what transformers raises for broken files."""
    from transformers import AutoModelForCausalLM

    check_architecture(folder)  # reads headers only: an incomplete model of many shards is rejected before it is read
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

    check_adapter_weights(adapter, base_folder(adapter))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found missing adapter keys")  # an error is raised below
        peft_model = PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
    wanted = set(get_peft_model_state_dict(peft_model, save_embedding_layers=False))
    found = set(load_peft_weights(str(adapter), device="cpu"))
    # An adapter may include embeddings that it does not change; other unplaced tensors were made for another base.
    unplaced = {name for name in found - wanted if "lora_" in name}
    require_whole(adapter, wanted - found, unplaced)
    return peft_model
