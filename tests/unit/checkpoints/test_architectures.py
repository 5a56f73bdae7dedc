"""Every architecture's own model is whole, however it is saved; one tensor changed, and it is refused by that name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from spar.checkpoints.architecture import check_architecture
from spar.checkpoints.headers import check_adapter_weights
from spar.engines.base import LocalModel
from spar.engines.vllm_server.lineup import look_at
from spar.errors import ModelUnusable
from spar.training.jobs import require_weights

pytestmark = pytest.mark.torch
SMALL = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GPT2 = {"vocab_size": 96, "n_embd": 32, "n_layer": 2, "n_head": 2, "bos_token_id": 1, "eos_token_id": 2}
WIDE = {**SMALL, "head_dim": 16}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", SMALL),
    "llama tied": ("llama", {**SMALL, "tie_word_embeddings": True}),
    "qwen2 tied": ("qwen2", {**SMALL, "tie_word_embeddings": True}),
    "qwen3": ("qwen3", WIDE),
    "mistral": ("mistral", SMALL),
    "gemma": ("gemma", WIDE),
    "glm4": ("glm4", WIDE),
    "phi3": ("phi3", SMALL),
    "gpt2": ("gpt2", GPT2),
    "mixtral": ("mixtral", {**SMALL, "num_local_experts": 2}),
}
Tensors = dict[str, Any]


def model(folder: Path, kind: str, hidden: int | None = None, **options: Any) -> Path:
    model_type, settings = KINDS[kind]
    sized = settings if hidden is None else {**settings, "hidden_size": hidden}
    torch.manual_seed(0)
    built = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **sized))
    built.save_pretrained(folder, **options)
    return folder


def change(folder: Path, edit: Callable[[Tensors], None]) -> Path:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    edit(tensors)
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_model_is_taken_in_one_file_and_in_shards(kind: str, tmp_path: Path) -> None:
    check_architecture(model(tmp_path / "one", kind))
    sharded = model(tmp_path / "shards", kind, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    check_architecture(sharded)


@pytest.mark.parametrize("kind", KINDS)
def test_one_wrong_tensor_is_named(kind: str, tmp_path: Path) -> None:
    folder = model(tmp_path, kind)
    before = (folder / "model.safetensors").read_bytes()
    name = next(each for each in sorted(load_file(folder / "model.safetensors")) if "norm" in each or "ln_1" in each)
    edits: list[tuple[Callable[[Tensors], None], str]] = [
        (lambda tensors: tensors.pop(name), f"lack {name}"),
        (lambda tensors: tensors.update({name: torch.zeros(3, 5)}), f"{name} has the shape [3, 5]"),
        (lambda tensors: tensors.update({"v_head.weight": torch.zeros(3)}), "have v_head.weight"),
    ]
    for edit, what in edits:
        (folder / "model.safetensors").write_bytes(before)
        with pytest.raises(ModelUnusable) as refused:
            check_architecture(change(folder, edit))
        assert what in refused.value.what
        assert refused.value.fix


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "base_model.model."])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_wrapper_s_prefix_is_named_by_who_serves_and_who_trains(kind: str, prefix: str, tmp_path: Path) -> None:
    folder = model(tmp_path, kind)

    def wrap(tensors: Tensors) -> None:
        for name in list(tensors):
            tensors[prefix + name] = tensors.pop(name)

    change(folder, wrap)
    for take in (check_architecture, require_weights, lambda path: look_at(LocalModel("m", path=path))):
        with pytest.raises(ModelUnusable, match="begins with " + prefix.replace(".", r"\.")):
            take(folder)


def adapter(folder: Path, base: Path, rank: int = 4) -> Path:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


def test_an_adapter_of_another_rank_or_base_is_refused_by_its_headers(tmp_path: Path) -> None:
    base = model(tmp_path / "base", "llama")
    good = adapter(tmp_path / "good", base)
    check_adapter_weights(good, base)
    require_weights(good)
    wide = model(tmp_path / "wide", "qwen3")  # another attention
    larger = model(tmp_path / "larger", "llama", hidden=64)
    with pytest.raises(ModelUnusable, match=r"q_proj\.lora_A\.weight has the shape \[4, 32\] instead of \[4, 64\]"):
        check_adapter_weights(good, larger)
    check_adapter_weights(adapter(tmp_path / "other", wide), wide)
    settings = good / "adapter_config.json"
    settings.write_text(settings.read_text().replace('"r": 4', '"r": 8'))
    with pytest.raises(ModelUnusable, match=r"lora_A\.weight has the shape \[4, 32\] instead of \[8, 32\]"):
        check_adapter_weights(good, base)


def test_what_transformers_does_not_know_is_left_to_who_loads_it(tmp_path: Path) -> None:
    folder = model(tmp_path, "llama")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"model_type": "llama"', '"model_type": "not_yet"'))
    check_architecture(folder)
