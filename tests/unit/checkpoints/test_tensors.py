"""Weights that are not whole are refused by whoever loads, trains, merges or serves them; by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from safetensors.torch import load_file, save_file

from spar.checkpoints.headers import check_adapter_weights, check_weights
from spar.engines.base import LocalModel
from spar.engines.decoding.load import load
from spar.engines.vllm_server.lineup import look_at
from spar.errors import ModelUnusable
from spar.recipes.models import DpoSettings, LoraSettings
from spar.testing.tiny_model import make_tiny_model
from spar.training.base import TrainJob
from spar.training.weights import load_base, write_merged

pytestmark = pytest.mark.torch
Tensors = dict[str, Any]
LACKING = "model.layers.1.mlp.down_proj.weight"
ADAPTED = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def adapter(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapter")
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(whole), config).save_pretrained(folder)
    named = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**named, "base_model_name_or_path": str(whole)}))
    return folder


def changed(source: Path, folder: Path, change: Callable[[Tensors], Tensors]) -> Path:
    shutil.copytree(source, folder, dirs_exist_ok=True)
    (file,) = folder.glob("*.safetensors")
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    return folder


def without(name: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {each: tensor for each, tensor in tensors.items() if each != name}


def prefixed(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()}


def another(tensors: Tensors) -> Tensors:
    return {**tensors, "v_head.summary.weight": tensors[LACKING].clone()}


def engine(folder: Path) -> None:
    load(LocalModel("m", path=folder), "float32")


def trainer(folder: Path) -> None:
    load_base(
        TrainJob(
            base=folder,
            rows=folder,
            settings=DpoSettings(lora=LoraSettings()),
            seed=0,
            output=folder / "out",
            work=folder / "work",
        )
    )


def vllm(folder: Path) -> None:
    look_at(LocalModel("m", path=folder))


@pytest.mark.parametrize("take", [engine, trainer, vllm])
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (without(LACKING), LACKING),
        (prefixed("_orig_mod."), r"begins with _orig_mod\."),
        (prefixed("module."), r"begins with module\."),
    ],
)
def test_a_model_whose_tensors_are_not_all_there_is_unusable(
    whole: Path, tmp_path: Path, take: Callable[[Path], None], change: Callable[[Tensors], Tensors], name: str
) -> None:
    take(whole)
    with pytest.raises(ModelUnusable, match=name):
        take(changed(whole, tmp_path, change))


@pytest.mark.parametrize("take", [engine, trainer])
def test_a_tensor_without_a_place_is_unusable_where_the_model_is_known(
    whole: Path, tmp_path: Path, take: Callable[[Path], None]
) -> None:
    with pytest.raises(ModelUnusable, match=r"v_head\.summary\.weight, for which it has no place"):
        take(changed(whole, tmp_path, another))


def merge(folder: Path) -> None:
    write_merged(folder, folder / "merged")


@pytest.mark.parametrize("take", [engine, trainer, vllm, merge])
def test_an_adapter_that_lacks_a_layer_is_unusable(adapter: Path, tmp_path: Path, take: Callable[[Path], None]) -> None:
    good = changed(adapter, tmp_path / "good", dict)
    if take is merge:
        (good / "merged").mkdir()
    take(good)
    for change, name in (
        (without(ADAPTED), ADAPTED),
        (lambda each: {k: v for k, v in each.items() if ".1." not in k}, ADAPTED),
    ):
        with pytest.raises(ModelUnusable, match=name.replace(".", r"\.")):
            take(changed(adapter, tmp_path / "bad", change))


def test_headers_tell_a_missing_layer_a_broken_file_and_a_promise_of_the_index(whole: Path, tmp_path: Path) -> None:
    gone = changed(whole, tmp_path / "layer", lambda each: {k: v for k, v in each.items() if ".1." not in k})
    with pytest.raises(ModelUnusable, match=r"lack model\.layers\.1"):
        check_weights(gone)
    broken = changed(whole, tmp_path / "broken", dict) / "model.safetensors"
    broken.write_bytes(broken.read_bytes()[:-100])
    with pytest.raises(ModelUnusable, match="is broken: it has"):
        check_weights(broken.parent)
    broken.write_bytes(b"")
    with pytest.raises(ModelUnusable, match="header cannot be read"):
        check_weights(broken.parent)
    indexed = changed(whole, tmp_path / "index", dict)
    index = indexed / "model.safetensors.index.json"
    for file, message in (("model.safetensors", "lack lm_head"), ("model-2.safetensors", "lacks model-2")):
        index.write_text(json.dumps({"weight_map": {"lm_head.weight": file}}))
        with pytest.raises(ModelUnusable, match=message):
            check_weights(indexed)


def test_an_adapter_of_some_layers_is_whole(adapter: Path, whole: Path, tmp_path: Path) -> None:
    some = changed(adapter, tmp_path, lambda each: {k: v for k, v in each.items() if ".1." not in k})
    config = json.loads((some / "adapter_config.json").read_text())
    (some / "adapter_config.json").write_text(json.dumps({**config, "layers_to_transform": [0]}))
    check_adapter_weights(some, whole)
    engine(some)
