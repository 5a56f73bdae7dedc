"""Every form is what its trainer asks for, and an export tells what it is; bad input is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.errors import DataError, HomeError, ObjectMissing
from spar.export.formats import FORMATS
from spar.export.layouts import alpaca_example
from spar.method.records import Example, ExampleKind, Message
from tests.unit.export.home import Writer, example, open_home, pair
from tests.unit.export.schemas import DATASET_INFO, SCHEMAS

PAIRS = [pair("Write one line."), pair("写一首诗 😀")]
EXAMPLES = [example("Judge this."), example("Judge it.", "No.", "Refine it.", "Better.", kind=ExampleKind.REFINEMENT)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Writer]:
    writer = open_home(tmp_path / "home")
    writer.run()
    writer.iteration(1, PAIRS, EXAMPLES)
    writer.iteration(2, [pair("Write two lines.")], [])
    writer.iteration(3, None)
    yield writer
    bind = writer.session.get_bind()
    writer.session.close()
    bind.engine.dispose()


def export(home: Writer, out: Path, *arguments: str, run: str = "") -> Result:
    command = ["export", run or str(home.home.root), "--out", str(out), *arguments]
    return CliRunner().invoke(build_app("export"), command, catch_exceptions=False)


def load(path: Path) -> list[dict[str, Any]]:
    """As users do: with `datasets`, from the local file."""
    from datasets import load_dataset

    kind = "json" if path.suffix == ".jsonl" else "parquet"
    cache = path.parent.parent / "cache"
    return [dict(row) for row in load_dataset(kind, data_files=str(path), split="train", cache_dir=str(cache))]


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_form_is_what_its_trainer_reads(home: Writer, tmp_path: Path, name: str) -> None:
    done = export(home, tmp_path / "out", "--format", name)
    assert done.exit_code == 0, done.output
    for one, count in (("pairs", 3), ("examples", 2)):
        rows = load(tmp_path / "out" / FORMATS[name].file(one))  # type: ignore[index, arg-type]
        assert len(rows) == count
        validator = Draft202012Validator(SCHEMAS[name][one])
        assert [error.message for row in rows for error in validator.iter_errors(row)] == []


def test_every_form_has_a_schema() -> None:
    assert set(SCHEMAS) == set(FORMATS)


def test_texts_arrive_as_they_are(home: Writer, tmp_path: Path) -> None:
    export(home, tmp_path / "out", "--format", "trl", "--iteration", "1")
    rows = load(tmp_path / "out" / "pairs.jsonl")
    told = [(row["prompt"][0]["content"], row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows]
    assert told == [(one.prompt.text, one.chosen, one.rejected) for one in PAIRS]


@pytest.mark.torch
def test_trl_takes_its_rows(home: Writer, tmp_path: Path) -> None:
    """TRL's own view: conversational, and its chat template step gives prompt, chosen and rejected texts."""
    from trl.data_utils import is_conversational, maybe_apply_chat_template

    class Template:
        """The part of a tokenizer that TRL's step calls."""

        def apply_chat_template(self, messages: list[dict[str, str]], **_: Any) -> str:
            return "".join(f"<{message['role']}>{message['content']}" for message in messages)

    export(home, tmp_path / "out", "--format", "trl")
    for row in load(tmp_path / "out" / "pairs.jsonl") + load(tmp_path / "out" / "examples.jsonl"):
        assert is_conversational(row)
    made = maybe_apply_chat_template(load(tmp_path / "out" / "pairs.jsonl")[0], Template())
    assert made == {
        "prompt": "<user>Write one line.",
        "chosen": f"<assistant>{PAIRS[0].chosen}",
        "rejected": f"<assistant>{PAIRS[0].rejected}",
    }


def test_the_folder_loads_by_its_card(home: Writer, tmp_path: Path) -> None:
    from datasets import load_dataset

    export(home, tmp_path / "out", "--format", "trl")
    found = load_dataset(str(tmp_path / "out"), "examples", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(found) == 2


def test_llamafactory_gets_its_dataset_info(home: Writer, tmp_path: Path) -> None:
    export(home, tmp_path / "out", "--format", "llamafactory")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    Draft202012Validator(DATASET_INFO).validate(info)
    assert info["spar_pairs"]["ranking"] is True
    for entry in info.values():
        row = load(tmp_path / "out" / entry["file_name"])[0]
        assert set(entry["columns"].values()) == set(row)


def test_axolotl_gets_its_datasets_section(home: Writer, tmp_path: Path) -> None:
    export(home, tmp_path / "out", "--format", "axolotl", "--what", "pairs")
    section = yaml.safe_load((tmp_path / "out" / "pairs.axolotl.yaml").read_text())
    assert section["rl"] == "dpo"
    [dataset] = section["datasets"]
    row = load(tmp_path / "out" / dataset["path"])[0]
    assert {dataset[key] for key in ("field_messages", "field_chosen", "field_rejected")} == set(row)
    assert not (tmp_path / "out" / "examples.axolotl.yaml").exists()


def test_alpaca_keeps_earlier_turns_as_history() -> None:
    row = alpaca_example(EXAMPLES[1])
    assert (row["history"], row["instruction"], row["output"]) == ([["Judge it.", "No."]], "Refine it.", "Better.")
    told = Example("p", ExampleKind.TREE_NO, (Message("system", "s"), Message("user", "u"), Message("assistant", "a")))
    assert alpaca_example(told)["system"] == "s"
    with pytest.raises(DataError, match="choose another --format"):
        alpaca_example(Example("p", ExampleKind.TREE_NO, (Message("user", "u"),)))


def test_the_card_the_manifest_and_the_lineage(home: Writer, tmp_path: Path) -> None:
    export(home, tmp_path / "out", "--format", "sharegpt")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["rows"] == {"pairs": 3, "examples": 2}
    assert [one["pairs"] for one in manifest["iterations"]] == [2, 1]
    assert manifest["iterations"][0]["examples"] == {"refinement": 1, "tree_no": 1}
    assert set(manifest["files"]) == {path.name for path in (tmp_path / "out").iterdir()} - {"manifest.json"}
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| 1 | 3 | 2 | 1 refinement, 1 tree_no | 1 all_good, 2 pair |" in card
    assert "- prompts: seeds.jsonl; seed 4" in card
    assert "- actor at the start: org/model (a0a0a0a0a0a0a0a0)" in card
    assert "- refiner at the start: org/other (b0b0b0b0b0b0b0b0)" in card
    assert "No licence is given." in card
    assert "| prompts | seeds.jsonl | not known here |" in card
    lineage = [json.loads(line) for line in (tmp_path / "out" / "lineage.jsonl").read_text().splitlines()]
    assert lineage[2] == {
        "file": "pairs.jsonl",
        "row": 2,
        "iteration": 2,
        "prompt_id": pair("Write two lines.").prompt.id,
    }
    assert lineage[4]["kind"] == "refinement"


def test_a_set_without_rows_is_left_out_and_told(home: Writer, tmp_path: Path) -> None:
    done = export(home, tmp_path / "out", "--format", "trl", "--iteration", "2")
    assert "no examples to export" in done.stdout
    assert not (tmp_path / "out" / "examples.jsonl").exists()
    with pytest.raises(DataError, match="No examples in run demo-1"):
        export(home, tmp_path / "other", "--format", "trl", "--iteration", "2", "--what", "examples")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("iteration", ["3", "9"])
def test_an_iteration_without_data(home: Writer, tmp_path: Path, iteration: str) -> None:
    with pytest.raises(DataError, match=f"no training data of iteration {iteration}. Iterations with data: 1, 2"):
        export(home, tmp_path / "out", "--format", "trl", "--iteration", iteration)


def test_a_run_that_is_not_there_or_has_nothing_yet(home: Writer, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="no run nope"):
        export(home, tmp_path / "out", "--format", "trl", "--dir", str(home.home.root), run="nope")
    home.run("other-1")
    with pytest.raises(DataError, match="no iteration with training data yet"):
        export(home, tmp_path / "out", "--format", "trl", "--dir", str(home.home.root), run="other")


def test_a_folder_that_is_not_empty(home: Writer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert export(home, tmp_path / "out", "--format", "trl").exit_code == 0
    with pytest.raises(DataError, match="is not empty"):
        export(home, tmp_path / "out", "--format", "trl")
    with pytest.raises(DataError, match="is a file"):
        export(home, tmp_path / "out" / "README.md", "--format", "trl")


def test_a_lost_object_leaves_no_half_export(home: Writer, tmp_path: Path) -> None:
    for path in home.home.store.rglob("*"):
        if path.is_file() and path.stat().st_size:
            path.unlink()
    with pytest.raises(ObjectMissing):
        export(home, tmp_path / "out", "--format", "trl")
    assert not (tmp_path / "out").exists()


def test_rows_that_a_form_cannot_hold_leave_no_half_export(home: Writer, tmp_path: Path) -> None:
    home.iteration(4, [], [Example("p", ExampleKind.TREE_NO, (Message("user", "u"),))])
    with pytest.raises(DataError, match="choose another --format"):
        export(home, tmp_path / "out", "--format", "alpaca", "--iteration", "4")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    ("name", "limit"),
    [("trl", "1,024 tokens"), ("llamafactory", "cutoff_len 2048"), ("openrlhf", "--data.max_len 512")],
)
def test_the_card_states_where_the_trainer_cuts(home: Writer, tmp_path: Path, name: str, limit: str) -> None:
    assert export(home, tmp_path / "out", "--format", name).exit_code == 0
    card = (tmp_path / "out" / "README.md").read_text()
    assert limit in card.partition("## Before you train")[2].partition("##")[0]
    if name == "openrlhf":
        assert "--data.chosen_key chosen" in card
