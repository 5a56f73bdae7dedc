"""Parameters and cache from a config.json: publishers' counts, sums by hand, and real files to the last parameter."""

import json
import math
import struct
from importlib import resources
from pathlib import Path

import pytest

from spar.errors import ModelUnusable
from spar.planning.plan_inputs import config_in, config_on_hub
from spar.planning.shape import Shape, shape_of
from spar.worlds.story.builtin import NAMES, builtin_model

PUBLISHED = {
    "meta-llama/Meta-Llama-3-8B-Instruct": 8_030_261_248,
    "meta-llama/Meta-Llama-3-70B-Instruct": 70_553_706_496,
    "mistralai/Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "zai-org/glm-4-9b-chat-hf": 9_399_951_360,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 134_515_008,
    "Qwen/Qwen3-0.6B": 596_049_920,
}


def known(name: str) -> Shape:
    return shape_of(config_on_hub(f"{name}@any"), name)


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_known_models_have_the_parameters_that_are_published(name: str, parameters: int) -> None:
    assert known(name).parameters == parameters


def test_every_known_model_is_checked_and_has_a_source() -> None:
    table = json.loads((resources.files("spar.planning") / "known_configs.json").read_text())
    assert table.keys() == PUBLISHED.keys()
    assert all(entry["source"] for entry in table.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_carried_model_is_counted_to_the_last_parameter(name: str) -> None:
    folder = builtin_model(name)
    assert shape_of(config_in(folder), name).parameters == parameters_in(folder / "model.safetensors")


def parameters_in(path: Path) -> int:
    with path.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def test_llamas_cache_is_32_layers_of_8_heads_of_128_keys_and_values_of_2_bytes() -> None:
    llama = known("meta-llama/Meta-Llama-3-8B-Instruct")
    assert llama.kv_bytes_per_token("bfloat16") == 131_072 == 32 * 8 * 128 * 2 * 2
    assert llama.kv_bytes_per_token("float32") == 2 * 131_072


def test_an_adapter_of_rank_16_on_llama() -> None:
    # Per layer: q and o 2 x 16 x 8192, k and v 2 x 16 x 5120, gate, up and down 3 x 16 x 18432.
    by_hand = 32 * 16 * (2 * 8192 + 2 * 5120 + 3 * 18432)
    assert known("meta-llama/Meta-Llama-3-8B-Instruct").lora_parameters(16) == by_hand == 41_943_040


def test_an_adapter_names_its_base_as_the_place_to_look(tmp_path: Path) -> None:
    base, adapter = tmp_path / "base", tmp_path / "adapter"
    base.mkdir()
    adapter.mkdir()
    (base / "config.json").write_text('{"model_type": "llama"}')
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    assert config_in(adapter) == {"model_type": "llama"}


def test_what_cannot_be_counted_says_what_can(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"type 'rwkv'.*glm, llama, mistral"):
        shape_of({"model_type": "rwkv"}, "mine")
    with pytest.raises(ModelUnusable, match="has no hidden_size"):
        shape_of({"model_type": "llama", "num_attention_heads": 4}, "mine")
    with pytest.raises(ModelUnusable, match=r"not a known one.*Download its config\.json"):
        config_on_hub("nobody/nothing@0")
    with pytest.raises(ModelUnusable, match="cannot be read"):
        config_in(tmp_path)
