"""Which tokens end a reply, for both decoding and training.

The same rule as vLLM's: the tokenizer's end token and every eos_token_id of generation_config.json, or of config.json
if there is no generation config. A ChatML fine-tune often names `<|im_end|>` only in its tokenizer, and its base's
token in the generation config: a model that stopped at only one of them would run to its limit.
"""

from pathlib import Path
from typing import Any

from spar.errors import ModelUnusable


def end_tokens(folder: Path, tokenizer: Any) -> frozenset[int]:
    """The ids of the end tokens; `folder` is a whole model's. Raises ModelUnusable if the config cannot be read."""
    named = _configured(folder)
    found = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])}
    return frozenset(found - {None})


def _configured(folder: Path) -> Any:
    from transformers import AutoConfig, GenerationConfig

    try:
        if (folder / "generation_config.json").is_file():
            return GenerationConfig.from_pretrained(folder, local_files_only=True).eos_token_id
        return GenerationConfig.from_model_config(
            AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        ).eos_token_id
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnusable(
            f"The end tokens of the model in {folder} cannot be read: {str(error).splitlines()[0]}",
            "Rewrite generation_config.json or config.json as JSON with an eos_token_id.",
        ) from error
