"""The tiny models of the synthetic experiments: a fresh Llama with its words, and sampling from it at temperature 1.

The prompts of a call have the same length, so that none is padded. Loads torch. Knows no task.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaForCausalLM

from spar.errors import AccountingError
from spar.method.records import Message
from spar.training.tokenize import Tokenizer
from spar.worlds.story.stages import TinyShape
from spar.worlds.story.tokenizer import save_tokenizer
from spar.worlds.story.train import llama_config
from spar.worlds.story.vocabulary import END, PAD, SPECIAL


def make_model(folder: Path, words: Sequence[str], shape: TinyShape, seed: int) -> Path:
    """A model with random weights, in a folder as trainers and engines read it."""
    tokens = (*SPECIAL, *words)
    torch.manual_seed(seed)
    end, pad = tokens.index(END), tokens.index(PAD)
    model = LlamaForCausalLM(llama_config(shape, len(tokens), pad, end))
    model.generation_config = GenerationConfig(eos_token_id=end, pad_token_id=pad)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    save_tokenizer(folder, shape.max_positions, tokens)
    return folder


class Sampler:
    """Samples responses from a model that may be in training, without affecting the training."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer(folder)

    def sample(self, model: Any, prompts: Sequence[str], longest: int, seed: int) -> list[str]:
        """One response to each prompt, up to its end token."""
        texts = [self._tokenizer.prompt_text([Message("user", prompt)]) for prompt in prompts]
        ids = [self._tokenizer.hf(text, add_special_tokens=False)["input_ids"] for text in texts]
        if len({len(row) for row in ids}) != 1:
            raise AccountingError("The prompts of a synthetic task have different lengths.")
        was_training = model.training
        model.eval()
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            found = model.generate(
                torch.tensor(ids),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                top_p=1.0,
                max_new_tokens=longest,
                use_cache=True,
            )
        model.train(was_training)
        return [self._text(row[len(ids[0]) :].tolist()) for row in found]

    def _text(self, ids: Sequence[int]) -> str:
        end = next((place for place, token in enumerate(ids) if token in self._tokenizer.end_ids), len(ids))
        text: str = self._tokenizer.hf.decode(ids[:end], skip_special_tokens=False)
        return text


def load(folder: Path) -> Any:
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
