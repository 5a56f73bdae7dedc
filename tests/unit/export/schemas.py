"""What other trainers ask of a row, written down from their published documentation and code.

TRL            docs "Dataset formats and types": conversational preference (explicit prompt), conversational language
               modelling. Checked besides with the library itself, in test_formats.
LLaMA-Factory  data/README.md ("Sharegpt Format": supervised, preference; dataset_info.json) and the attributes that
               src/llamafactory/data/parser.py reads. Human turns stand in odd places, gpt turns in even ones.
               "Alpaca Format": supervised with history, preference.
axolotl        src/axolotl/prompt_strategies/dpo/chat_template.py (`chat_template.default`): messages, and chosen and
               rejected as one message; docs "Conversation": messages for type chat_template.
OpenRLHF       openrlhf/datasets/reward_dataset.py with prompt_key and apply_chat_template: the lists
               data[prompt_key] + data[chosen_key] are a conversation; sft_dataset.py with multiturn: messages.
"""

from typing import Any

Schema = dict[str, Any]


def _row(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(*items: Schema) -> Schema:
    """Exactly these."""
    return {"type": "array", "prefixItems": list(items), "items": False, "minItems": len(items)}


TEXT: Schema = {"type": "string", "minLength": 1}


def _message(*roles: str) -> Schema:
    return _row(role={"enum": list(roles)}, content=TEXT)


def _turn(*roles: str) -> Schema:
    return {**_row(**{"from": {"enum": list(roles)}, "value": TEXT})}


def _turns(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 2}


_MESSAGES = _turns(_message("system", "user", "assistant"))
_CONVERSATIONS = _turns(_turn("system", "human", "gpt"))
_CONVERSATIONAL = _row(
    prompt=_list(_message("user")), chosen=_list(_message("assistant")), rejected=_list(_message("assistant"))
)
_SHAREGPT = _row(conversations=_list(_turn("human")), chosen=_turn("gpt"), rejected=_turn("gpt"))
_HISTORY = {"type": "array", "items": _list(TEXT, TEXT)}

SCHEMAS: dict[str, dict[str, Schema]] = {
    "trl": {"pairs": _CONVERSATIONAL, "examples": _row(messages=_MESSAGES)},
    "openrlhf": {"pairs": _CONVERSATIONAL, "examples": _row(messages=_MESSAGES)},
    "parquet": {
        "pairs": {**_CONVERSATIONAL, "additionalProperties": True},
        "examples": {**_row(messages=_MESSAGES), "additionalProperties": True},
    },
    "axolotl": {
        "pairs": _row(messages=_list(_message("user")), chosen=_message("assistant"), rejected=_message("assistant")),
        "examples": _row(messages=_MESSAGES),
    },
    "llamafactory": {"pairs": _SHAREGPT, "examples": _row(conversations=_CONVERSATIONS)},
    "sharegpt": {"pairs": _SHAREGPT, "examples": _row(conversations=_CONVERSATIONS)},
    "alpaca": {
        "pairs": _row(instruction=TEXT, input={"type": "string"}, chosen=TEXT, rejected=TEXT),
        "examples": _row(
            instruction=TEXT, input={"type": "string"}, output=TEXT, system={"type": "string"}, history=_HISTORY
        ),
    },
}

_COLUMN_NAMES = ["messages", "system", "tools", "images", "chosen", "rejected", "kto_tag"]
_ENTRY = {
    "type": "object",
    "properties": {
        "file_name": {"type": "string", "pattern": r"\.jsonl$"},
        "formatting": {"const": "sharegpt"},
        "ranking": {"type": "boolean"},
        "columns": {"type": "object", "propertyNames": {"enum": _COLUMN_NAMES}, "required": ["messages"]},
    },
    "required": ["file_name", "formatting", "columns"],
    "additionalProperties": False,
}
DATASET_INFO: Schema = {"type": "object", "additionalProperties": _ENTRY, "minProperties": 1}
