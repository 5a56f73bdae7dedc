"""Turns conversations into the ids that a model is trained on: the same as when it is served.

A turn's prompt is the chat template's output with `add_generation_prompt`, exactly as in an engine; then follows the
reply including its end token, exactly as an engine would sample it. Only replies have loss: anything else that the
template writes there (such as a blank line after the end token) is context. Knows nothing of trainers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.checkpoints.chat_template import render
from spar.checkpoints.end_tokens import end_tokens
from spar.errors import DataError, ModelUnusable
from spar.lora import base_folder, is_adapter
from spar.method.records import Example, Message, Pair

IGNORED = -100
"""The label of a token without loss (PyTorch's cross entropy)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """A tokenized conversation: ids, and the same ids as labels where loss falls, IGNORED elsewhere."""

    input_ids: list[int]
    labels: list[int]

    @property
    def length(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIds:
    """A tokenized pair; each reply ends with its end token."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]

    @property
    def length(self) -> int:
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """A reply's ids up to its end token, those that the template adds after it, and the conversation's text so far."""

    ids: list[int]
    rest: list[int]
    written: str


class Tokenizer:
    """A model's tokenizer and chat template, applied by prefix; an adapter uses those of its base, as when served."""

    def __init__(self, base: Path) -> None:
        base = base_folder(base) if is_adapter(base) else base
        self.hf = _load(base)
        self.end_ids = end_tokens(base, self.hf)

    def prompt_text(self, messages: Sequence[Message]) -> str:
        return self._render(messages, add_generation_prompt=True)

    def sample(self, row: Pair | Example) -> PairIds | Turns:
        return self.pair(row) if isinstance(row, Pair) else self.example(row)

    def example(self, example: Example) -> Turns:
        """The whole conversation up to its last reply, with labels on every assistant turn."""
        ids: list[int] = []
        labels: list[int] = []
        written = ""
        for number, message in enumerate(example.messages):
            if message.role != "assistant":
                continue
            prompt = self.prompt_text(example.messages[:number])
            if not prompt.startswith(written):
                raise _not_a_prefix(example.prompt_id, number)
            context = self._encode(prompt[len(written) :])
            reply = self._reply(prompt, example.messages[: number + 1])
            ids += context + reply.ids + reply.rest
            labels += [IGNORED] * len(context) + reply.ids + [IGNORED] * len(reply.rest)
            written = reply.written
        if not ids:
            raise DataError(
                f"An example of prompt {example.prompt_id} has no assistant turn.",
                "Every example must have at least one turn to train on.",
            )
        end = max(place for place, label in enumerate(labels) if label != IGNORED) + 1
        return Turns(input_ids=ids[:end], labels=labels[:end])

    def pair(self, pair: Pair) -> PairIds:
        prompt = [Message("user", pair.prompt.text)]
        text = self.prompt_text(prompt)
        chosen, rejected = (
            self._reply(text, [*prompt, Message("assistant", reply)]).ids for reply in (pair.chosen, pair.rejected)
        )
        return PairIds(prompt_ids=self._encode(text), chosen_ids=chosen, rejected_ids=rejected)

    def _reply(self, prompt: str, messages: Sequence[Message]) -> "_Reply":
        """The last turn, as an engine would sample it after `prompt`."""
        text = self._render(messages)
        if not text.startswith(prompt):
            raise _not_a_prefix("", len(messages) - 1)
        ids = self._encode(text[len(prompt) :])
        for place, token in enumerate(ids):
            if token in self.end_ids:
                return _Reply(ids=ids[: place + 1], rest=ids[place + 1 :], written=text)
        return self._ended_by_the_next_turn(ids, text, messages)

    def _ended_by_the_next_turn(self, ids: list[int], text: str, messages: Sequence[Message]) -> "_Reply":
        """For GLM-4, which ends a reply with the token that opens the user's next turn, written only there."""
        followed = self._render([*messages, Message("user", "?")])
        opening = self._encode(followed[len(text) :])[:1] if followed.startswith(text) else []
        if not self.end_ids.issuperset(opening) or not opening:
            raise ModelUnusable(
                "The chat template ends an assistant turn without one of the model's end tokens: it would never stop.",
                "Give the template an end token, and name it as eos_token_id in generation_config.json.",
            )
        token = self.hf.convert_ids_to_tokens(opening[0])
        return _Reply(
            ids=[*ids, opening[0]], rest=[], written=followed[: followed.index(token, len(text)) + len(token)]
        )

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        return render(self.hf, messages, add_generation_prompt)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.hf(text, add_special_tokens=False)["input_ids"]  # the template writes them
        return ids


def sample_lengths(tokenizer: Tokenizer, rows: Sequence[Pair] | Sequence[Example]) -> list[int]:
    """Tokens of each whole sample; for a pair, of the longer side."""
    return [tokenizer.sample(row).length for row in rows]


def _not_a_prefix(prompt_id: str, turn: int) -> Exception:
    where = f" (prompt {prompt_id}, turn {turn})" if prompt_id else ""
    return ModelUnusable(
        f"The chat template changes a turn once another follows it{where}, so a conversation cannot be trained on as "
        "it is served.",
        "Use a chat template that does not change earlier turns.",
    )


def _load(base: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelUnusable(
            f"{base} has no tokenizer that can be loaded: {error}".splitlines()[0],
            "Point the recipe at a whole model directory (config.json, *.safetensors, tokenizer.json).",
        ) from error
    if not tokenizer.chat_template:
        raise ModelUnusable(
            f"The tokenizer in {base} has no chat template.",
            "Use an instruct model, or add a chat_template.jinja to the directory.",
        )
    return tokenizer
