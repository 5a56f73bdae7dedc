"""An export is trained on by TRL as docs/data.md tells it: same token ids as our own trainer, loss on the same ones."""

import re
from math import log
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.method.records import Example, ExampleKind, Message, Pair, Prompt
from spar.testing.tiny_model import CHAT_TEMPLATE, make_tiny_model
from spar.training.tokenize import IGNORED, Tokenizer
from tests.unit.export.home import open_home

pytestmark = pytest.mark.torch

PAGE = Path(__file__).parents[3] / "docs" / "data.md"
DPO, SFT = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
HERE = 'use_cpu=True, bf16=False, max_steps=2, logging_steps=1, report_to="none", disable_tqdm=True'
MARKED = CHAT_TEMPLATE.replace("{{ m['content'] }}", "{% if m['role'] != 'assistant' %}{{ m['content'] }}").replace(
    "{% if m['role'] == 'assistant' %} </s>",
    "{% else %}{% generation %}{{ m['content'] }} </s>{% endgeneration %}",
)
PAIRS = [Pair(prompt=Prompt.of(f"w{n} w2"), chosen=f"w{n} w4 w5", rejected="w7 w8" + " w9" * n) for n in range(8)]


def example(number: int) -> Example:
    turns = (f"w{number} w1", "w2 w3", "w4", f"w5 w{number}")
    roles = ("user", "assistant", "user", "assistant")
    messages = tuple(Message(role, turn) for role, turn in zip(roles, turns, strict=True))
    return Example(f"p{number}", ExampleKind.REFINEMENT, messages)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a model in `model`, and a run's export in `exported`."""
    folder = tmp_path_factory.mktemp("trained")
    (make_tiny_model(folder / "model") / "chat_template.jinja").write_text(MARKED, encoding="utf-8")
    home = open_home(folder / "home")
    home.run()
    home.iteration(1, PAIRS, [example(n) for n in range(8)])
    command = ["export", str(folder / "home"), "--format", "trl", "--out", str(folder / "exported")]
    assert CliRunner().invoke(build_app("export"), command, catch_exceptions=False).exit_code == 0
    bind = home.session.get_bind()
    home.session.close()
    bind.engine.dispose()
    return folder


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import datasets.config

    monkeypatch.chdir(folder)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")  # its environment is read on import
    return folder


def trained(code: str) -> Any:
    """The page's code, on the CPU and for two steps; its trainer."""
    assert code.count("max_length=None") == 1
    names: dict[str, Any] = {}
    exec(code.replace("max_length=None", f"max_length=None, {HERE}"), names)
    return names["trainer"]


def assert_learned(trainer: Any, base: Path) -> None:
    from transformers import AutoModelForCausalLM

    before = AutoModelForCausalLM.from_pretrained(base).state_dict()
    after = trainer.model.state_dict()
    assert trainer.state.global_step == 2
    assert any(not before[name].equal(after[name]) for name in before)


def test_dpo_on_exported_pairs(there: Path) -> None:
    trainer = trained(DPO)
    tokenizer = Tokenizer(there / "model")
    for row, pair in zip(trainer.train_dataset, PAIRS, strict=True):
        ours = tokenizer.pair(pair)
        assert (row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) == (
            ours.prompt_ids,
            ours.chosen_ids,
            ours.rejected_ids,
        )
    first = trainer.state.log_history[0]
    nll = -first["logps/chosen"] / (sum(len(row["chosen_ids"]) for row in trainer.train_dataset) / len(PAIRS))
    assert first["rewards/margins"] == 0  # the model is its own reference
    assert first["loss"] == pytest.approx(log(2) + 0.1 * nll, rel=1e-3)
    assert_learned(trainer, there / "model")


def test_sft_on_exported_examples(there: Path) -> None:
    trainer = trained(SFT)
    tokenizer = Tokenizer(there / "model")
    for number, row in enumerate(trainer.train_dataset):
        ours = tokenizer.example(example(number))
        theirs = trainer.data_collator([row])
        assert theirs["input_ids"][0].tolist() == ours.input_ids
        assert theirs["labels"][0].tolist() == ours.labels
        assert 0 < sum(label != IGNORED for label in ours.labels) < ours.length
    assert_learned(trainer, there / "model")
