"""Writes the story world's vocabulary as tokenizer files that transformers, TRL and vLLM load."""

import json
from collections.abc import Sequence
from pathlib import Path

from spar.worlds.story.vocabulary import ASSISTANT, END, PAD, ROLES, SPECIAL, UNKNOWN, vocabulary

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    + "".join(
        f"{{%- {'if' if i == 0 else 'elif'} message['role'] == '{role}' -%}}{{{{ '{token} ' }}}}"
        for i, (role, token) in enumerate(ROLES.items())
    )
    + "{%- endif -%}{{ message['content'] + ' ' }}"
    + f"{{%- if message['role'] == 'assistant' -%}}{{{{ '{END} ' }}}}{{%- endif -%}}"
    + "{%- endfor -%}"
    + f"{{%- if add_generation_prompt -%}}{{{{ '{ASSISTANT} ' }}}}{{%- endif -%}}"
)
"""Role token, text, and an end token after each assistant turn. The ids of a conversation's prefix are a prefix of its
ids, so that training and serving use the same ids."""


def tokenizer_json(tokens: Sequence[str] | None = None) -> str:
    """Splits at white space, without normalisation; decoding joins with one blank. `tokens` other than the world's must
    begin with SPECIAL."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    ids = {token: i for i, token in enumerate(vocabulary() if tokens is None else tokens)}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return str(tokenizer.to_str(pretty=False))


def save_tokenizer(folder: Path, max_positions: int, tokens: Sequence[str] | None = None) -> None:
    """Write tokenizer.json and tokenizer_config.json, the latter with the chat template."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "eos_token": END,
        "model_max_length": max_positions,
        "padding_side": "right",
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer.json").write_text(tokenizer_json(tokens) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
