"""An adapter, exported merged: a whole model that answers as base and adapter do together. Loads torch."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.db.tables import Model
from spar.lora import CONFIG, LINK, is_adapter, link_base
from spar.runtime.models import name_base, refer
from spar.store.models import upload_model
from spar.testing.tiny_model import make_tiny_model
from tests.unit.export.home import open_home, pair

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With random weights, so that it changes every logit."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("adapter")
    config = LoraConfig(r=4, lora_alpha=16, init_lora_weights=False, target_modules=["q_proj", "v_proj"])
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    told = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**told, "base_model_name_or_path": LINK}))
    link_base(folder, base)
    name_base(folder, refer(str(base)), base)
    return folder


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(input_ids=torch.tensor([[1, 2, 3, 4]])).logits


def export(tmp_path: Path, adapter: Path, *arguments: str) -> Path:
    writer = open_home(tmp_path / "home")
    writer.run()
    writer.iteration(1, [pair("Write one line.")])
    upload_model(writer.store, "a1" * 32, adapter)
    writer.session.add(Model(fingerprint="a1" * 32, location="store", parent="a0" * 32))
    writer.session.commit()
    bind = writer.session.get_bind()
    writer.session.close()
    bind.engine.dispose()
    command = ["export", str(tmp_path / "home"), "--what", "actor", "--out", str(tmp_path / "out"), *arguments]
    done = CliRunner().invoke(build_app("export"), command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return tmp_path / "out"


def test_merged_it_is_whole_and_answers_as_both_together(tmp_path: Path, base: Path, adapter: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = export(tmp_path, adapter, "--merge")
    assert not is_adapter(out)
    whole = AutoModelForCausalLM.from_pretrained(out)
    both = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
    assert torch.allclose(logits(whole), logits(both), atol=1e-4)
    assert not torch.allclose(logits(whole), logits(AutoModelForCausalLM.from_pretrained(base)), atol=1e-2)
    assert AutoTokenizer.from_pretrained(out).encode("a") == AutoTokenizer.from_pretrained(base).encode("a")
    assert "merged into its base" in (out / "README.md").read_text()
    assert "convert_hf_to_gguf.py" in (out / "GGUF.md").read_text()


def test_as_it_is_it_stays_an_adapter_without_our_links(tmp_path: Path, adapter: Path) -> None:
    out = export(tmp_path, adapter)
    assert is_adapter(out)
    assert not (out / LINK).exists()
    assert "convert_lora_to_gguf.py" in (out / "GGUF.md").read_text()
    assert "library_name: peft" in (out / "README.md").read_text()
