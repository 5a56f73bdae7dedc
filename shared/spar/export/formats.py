"""The export formats by name: the rows of pairs and examples, the file type, and accompanying files.

To add a format: its two rows in `layouts`, and one entry here.
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
    """`beside` returns accompanying files by name, for the sets that are written. `use` explains how a trainer reads
    each set, `caution` how it handles long rows or turns excluded from training by default."""

    pair: Callable[[Pair], Row]
    example: Callable[[Example], Row]
    use: dict[SetName, str]
    caution: str = ""
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

_TRL_CAUTION = (
    "TRL 1.16.0 has max_length 1024 unless it is None: SFT cuts longer rows, and DPO leaves out every pair whose "
    "prompt has 1,024 tokens or more and cuts the others. assistant_only_loss needs a chat template with generation "
    "marks or one whose exact text TRL knows, and a known one is replaced by TRL's own template: with Qwen3's, "
    "thoughts of earlier turns are trained on that are never served, and an edited copy of it is a ValueError. Train "
    "thinking models with a template that keeps what it wrote."
)
_LLAMAFACTORY_CAUTION = (
    "LLaMA-Factory 0.9.5 has cutoff_len 2048: longer rows are silently truncated, a prompt at its end, where the "
    "assistant's header is. Set cutoff_len to the longest row's tokens."
)
_OPENRLHF_CAUTION = (
    "OpenRLHF 0.11.2 has --data.max_len 512 for DPO: a longer response is cut there and its last token replaced by the "
    "end token, so the model learns to stop in the middle. Set --data.max_len to the longest row's tokens, for SFT too."
)
_AXOLOTL_CAUTION = "Set sequence_len to the longest row's tokens: axolotl decides what happens to longer ones."

FORMATS: dict[FormatName, Format] = {
    "trl": Format(
        layouts.conversational_pair,
        layouts.messages_example,
        {
            "pairs": "DPOTrainer with DPOConfig(max_length=None); load_dataset(FOLDER, 'pairs', split='train')",
            "examples": "SFTTrainer with SFTConfig(max_length=None, assistant_only_loss=True); "
            "load_dataset(FOLDER, 'examples', split='train')",
        },
        caution=_TRL_CAUTION,
    ),
    "llamafactory": Format(
        layouts.sharegpt_pair,
        layouts.sharegpt_example,
        {
            "pairs": "dataset_dir: this folder, dataset: spar_pairs, stage: dpo",
            "examples": "dataset_dir: this folder, dataset: spar_examples, stage: sft",
        },
        caution=_LLAMAFACTORY_CAUTION,
        beside=_llamafactory_files,
    ),
    "axolotl": Format(
        layouts.axolotl_pair,
        layouts.messages_example,
        {
            "pairs": "put pairs.axolotl.yaml into your configuration",
            "examples": "put examples.axolotl.yaml into your configuration",
        },
        caution=_AXOLOTL_CAUTION,
        beside=_axolotl_files,
    ),
    "openrlhf": Format(
        layouts.conversational_pair,
        layouts.messages_example,
        {
            "pairs": "--data.apply_chat_template --data.prompt_key prompt --data.chosen_key chosen "
            "--data.rejected_key rejected",
            "examples": "--data.apply_chat_template --data.input_key messages --data.multiturn (trains on every "
            "assistant turn)",
        },
        caution=_OPENRLHF_CAUTION,
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
