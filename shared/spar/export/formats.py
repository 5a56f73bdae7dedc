"""The forms by name: how a pair and an example look, the file's kind, and what a trainer needs beside the rows.

To add a form: its two rows in `layouts`, and one entry here.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import yaml

from spar.export import layouts
from spar.export.layouts import Row
from spar.method.records import Example, Pair

FormatName = Literal["trl", "llamafactory", "axolotl", "openrlhf", "alpaca", "sharegpt", "parquet"]
SetName = Literal["pairs", "examples"]


def _nothing(_: Collection[SetName]) -> dict[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Format:
    """`beside` gives further files by name, for the sets that are written. `use` tells how a trainer reads each set."""

    pair: Callable[[Pair], Row]
    example: Callable[[Example], Row]
    use: dict[SetName, str]
    suffix: Literal["jsonl", "parquet"] = "jsonl"
    beside: Callable[[Collection[SetName]], dict[str, str]] = _nothing

    def file(self, name: SetName) -> str:
        return f"{name}.{self.suffix}"


def _llamafactory_files(sets: Collection[SetName]) -> dict[str, str]:
    info = {f"spar_{name}": {"file_name": f"{name}.jsonl", **_LLAMAFACTORY[name]} for name in sorted(sets)}
    return {"dataset_info.json": json.dumps(info, indent=2) + "\n"}


_LLAMAFACTORY: dict[SetName, Row] = {
    "pairs": {
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
    },
    "examples": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
}


def _axolotl_files(sets: Collection[SetName]) -> dict[str, str]:
    return {f"{name}.axolotl.yaml": yaml.safe_dump(_AXOLOTL[name], sort_keys=False) for name in sorted(sets)}


_AXOLOTL: dict[SetName, Row] = {
    "pairs": {
        "rl": "dpo",
        "datasets": [
            {
                "path": "pairs.jsonl",
                "ds_type": "json",
                "split": "train",
                "type": "chat_template.default",
                "field_messages": "messages",
                "field_chosen": "chosen",
                "field_rejected": "rejected",
            }
        ],
    },
    "examples": {
        "datasets": [
            {
                "path": "examples.jsonl",
                "ds_type": "json",
                "split": "train",
                "type": "chat_template",
                "field_messages": "messages",
                "roles_to_train": ["assistant"],
            }
        ],
    },
}

FORMATS: dict[FormatName, Format] = {
    "trl": Format(
        layouts.conversational_pair,
        layouts.messages_example,
        {
            "pairs": "DPOTrainer with DPOConfig(max_length=None); load_dataset(FOLDER, 'pairs', split='train')",
            "examples": "SFTTrainer with SFTConfig(max_length=None, assistant_only_loss=True); "
            "load_dataset(FOLDER, 'examples', split='train')",
        },
    ),
    "llamafactory": Format(
        layouts.sharegpt_pair,
        layouts.sharegpt_example,
        {
            "pairs": "dataset_dir: this folder, dataset: spar_pairs, stage: dpo",
            "examples": "dataset_dir: this folder, dataset: spar_examples, stage: sft",
        },
        beside=_llamafactory_files,
    ),
    "axolotl": Format(
        layouts.axolotl_pair,
        layouts.messages_example,
        {
            "pairs": "put pairs.axolotl.yaml into your configuration",
            "examples": "put examples.axolotl.yaml into your configuration",
        },
        beside=_axolotl_files,
    ),
    "openrlhf": Format(
        layouts.conversational_pair,
        layouts.messages_example,
        {
            "pairs": "apply_chat_template, prompt_key prompt, chosen_key chosen, rejected_key rejected",
            "examples": "apply_chat_template, input_key messages, multiturn (every assistant turn is learned)",
        },
    ),
    "alpaca": Format(
        layouts.alpaca_pair,
        layouts.alpaca_example,
        {
            "pairs": "instruction, input, chosen, rejected",
            "examples": "instruction, input, output, system, history",
        },
    ),
    "sharegpt": Format(
        layouts.sharegpt_pair,
        layouts.sharegpt_example,
        {"pairs": "conversations, chosen, rejected", "examples": "conversations of {from, value}"},
    ),
    "parquet": Format(
        layouts.conversational_pair,
        layouts.messages_example,
        {
            "pairs": "prompt, chosen, rejected: each a list of {role, content}",
            "examples": "messages: a list of {role, content}",
        },
        suffix="parquet",
    ),
}
