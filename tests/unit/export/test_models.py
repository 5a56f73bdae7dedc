"""A trained model as a folder, with its card, GGUF steps, recipe and manifest; what is not there is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from typer.testing import CliRunner, Result

from spar.cli.main import build_app
from spar.db.tables import Model
from spar.errors import DataError
from spar.export.facts import CardFacts, RunFacts
from spar.export.gguf import instructions
from spar.export.licences import UNKNOWN, licence_of_model
from spar.export.model_card import model_card
from spar.export.models import name_hub_base
from spar.store.models import upload_model
from tests.unit.export.home import Writer, open_home, pair

ACTOR = "a1" * 32


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Writer]:
    writer = open_home(tmp_path / "home")
    writer.run()
    writer.iteration(1, [pair("Write one line.")])
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "WordLevel"}}))
    (folder / "README.md").write_text("The base's own card.")
    upload_model(writer.store, ACTOR, folder)
    writer.session.add(Model(fingerprint=ACTOR, location="store", parent="a0" * 32))
    writer.session.commit()
    yield writer
    bind = writer.session.get_bind()
    writer.session.close()
    bind.engine.dispose()


def export(home: Writer, out: Path, *arguments: str) -> Result:
    command = ["export", str(home.home.root), "--out", str(out), *arguments]
    return CliRunner().invoke(build_app("export"), command, catch_exceptions=False)


def test_a_model_is_written_whole_with_all_that_is_known_of_it(home: Writer, tmp_path: Path) -> None:
    done = export(home, tmp_path / "out", "--what", "actor")
    assert done.exit_code == 0, done.output
    out = tmp_path / "out"
    assert (out / "model.safetensors").read_bytes() == b"weights"
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["role"], manifest["iteration"], manifest["fingerprint"]) == ("actor", 1, ACTOR)
    assert set(manifest["files"]) == {path.name for path in out.iterdir()} - {"manifest.json"}
    assert yaml.safe_load((out / "recipe.yaml").read_text())["name"] == "demo"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "# Actor of run demo-1, iteration 1" in card
    assert "- trained from: a0a0a0a0a0a0a0a0" in card
    assert "The base's own card." not in card
    told = (out / "GGUF.md").read_text()
    assert "cannot hold this model's tokenizer**, a WordLevel one" in told
    assert "```" not in told  # no commands that cannot work


def test_what_is_exported_can_be_changed_without_harm(home: Writer, tmp_path: Path) -> None:
    export(home, tmp_path / "out", "--what", "actor")
    (tmp_path / "out" / "model.safetensors").write_bytes(b"mine")
    export(home, tmp_path / "again", "--what", "actor")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--what", "refiner"], "has trained no refiner. See its progress"),
        (["--what", "actor", "--iteration", "2"], "no actor in iteration 2. Iterations that trained it: 1"),
        (["--what", "actor", "--merge"], "is a whole model"),
        (["--what", "actor", "--format", "trl"], "A model has no --format"),
        (["--what", "pairs", "--merge", "--format", "trl"], "Only a model can be merged"),
        ([], "needs a --format"),
    ],
)
def test_what_does_not_fit_is_told_and_leaves_nothing(
    home: Writer, tmp_path: Path, arguments: list[str], told: str
) -> None:
    with pytest.raises(DataError) as caught:
        export(home, tmp_path / "out", *arguments)
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def facts(reference: str) -> tuple[RunFacts, CardFacts]:
    recipe = {"name": "demo", "seed": 1, "models": {"actor": reference}, "prompts": {"source": "world:story"}}
    measures = (("Actor, greedy", 0.5, 0.75),)
    model = CardFacts(
        role="actor",
        iteration=3,
        fingerprint="f" * 64,
        parent="e" * 64,
        base=reference,
        adapter=True,
        merged=False,
        measures=measures,
    )
    return RunFacts(
        run_id="demo-1", status="finished", recipe=recipe, start={reference: "d" * 64}, version="0.1"
    ), model


def test_the_card_names_base_licences_and_what_was_measured() -> None:
    run, model = facts("hub:Qwen/Qwen3-0.6B@abc")
    card = model_card(run, model, None)
    front = yaml.safe_load(card.split("---")[1])
    assert front["license"] == "other"
    assert front["base_model"] == "Qwen/Qwen3-0.6B"
    assert front["library_name"] == "peft"
    assert "| Actor, greedy | 50.0% | 75.0% |" in card
    assert "| model | hub:Qwen/Qwen3-0.6B@abc | apache-2.0 |" in card
    assert "| prompts | world:story | apache-2.0 |" in card
    assert "No licence is given." in card
    assert yaml.safe_load(model_card(run, model, "mit").split("---")[1])["license"] == "mit"


def test_a_licence_is_known_or_said_not_to_be() -> None:
    assert licence_of_model("hub:meta-llama/Meta-Llama-3-8B-Instruct@1") == "llama3"
    assert licence_of_model("builtin:story/actor") == "apache-2.0"
    assert licence_of_model("hub:someone/else@1") == licence_of_model("/a/folder") == UNKNOWN


def test_an_adapter_names_a_base_of_the_hub_as_the_hub_does(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "base", "r": 4}')
    name_hub_base(tmp_path, "/a/folder")
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == "base"
    name_hub_base(tmp_path, "hub:Qwen/Qwen3-0.6B@abc")
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config == {"base_model_name_or_path": "Qwen/Qwen3-0.6B", "r": 4}


def test_a_model_with_a_known_tokenizer_has_the_gguf_steps(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"model": {"type": "BPE"}}')
    told = instructions("demo-actor-3", tmp_path, adapter=False)
    assert "convert_hf_to_gguf.py . --outfile demo-actor-3-f16.gguf" in told
    assert "transformers>=5" in told
    assert "cannot hold" not in told


def test_an_adapter_has_its_own_gguf_steps(tmp_path: Path) -> None:
    told = instructions("demo-actor-3", tmp_path, adapter=True)
    assert "convert_lora_to_gguf.py" in told
    assert "--merge" in told
    assert "cannot hold" not in told


@pytest.mark.parametrize("licence", ["no", "1.0", "a: b", "ja\N{LATIN SMALL LETTER U WITH DIAERESIS}r # x", "~"])
def test_a_licence_that_yaml_would_read_otherwise_stays_a_text(licence: str) -> None:
    run, model = facts("hub:Qwen/Qwen3-0.6B@abc")
    assert ModelCard(model_card(run, model, licence)).data.license == licence


def test_a_name_breaks_neither_a_line_nor_a_table() -> None:
    run, model = facts("/models/a|b\n# Heading")
    lines = model_card(run, model, None).splitlines()
    assert "| model | /models/a\\|b # Heading | not known here |" in lines
    assert [line for line in lines if line.startswith("# ")] == ["# Actor of run demo-1, iteration 3"]


def test_a_card_is_what_the_hub_makes_of_it() -> None:
    run, model = facts("hub:Qwen/Qwen3-0.6B@abc")
    text = model_card(run, model, "mit")
    card = ModelCard(text)
    assert str(card) == text
    assert card.data.to_dict() == {
        "base_model": "Qwen/Qwen3-0.6B",
        "library_name": "peft",
        "license": "mit",
        "tags": ["spar", "actor"],
    }
