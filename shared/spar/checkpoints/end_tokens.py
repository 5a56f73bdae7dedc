"""Which tokens end a reply: the one rule for decoding and for training.

As vLLM has it: the tokenizer's own end token and every eos_token_id of generation_config.json; of config.json where
there is no generation config. A ChatML fine-tune often names `<|im_end|>` in its tokenizer alone, and its base's token
in the generation config: a model that stopped at one of them only would run to its limit.
"""

from pathlib import Path
from typing import Any

from spar.errors import ModelUnusable


def end_tokens(folder: Path, tokenizer: Any) -> frozenset[int]:
    """Ids; `folder` is a whole model's. Raises ModelUnusable where the config cannot be read."""
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
            "Write generation_config.json or config.json again, as JSON with an eos_token_id.",
        ) from error
