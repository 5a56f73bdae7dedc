"""Files of another form than their name says, and imports that keep nothing: one sentence, and exit code 2."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest
from click.testing import Result
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.data.sets.importing import import_sets
from spar.data.sources import Options, read_source, reading_note
from spar.errors import DataError
from tests.unit.data.files import POEM, imported, prompts_of, read_lines, write_lines

TALK = [{"role": "user", "content": POEM}, {"role": "assistant", "content": "Blue."}]


def importing(kind: str, source: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(build_app(kind), [kind, "import", str(source), "--out", str(out), *more])


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.json", json.dumps({"data": [{"prompt": POEM}] * 3}, indent=2), "one JSON object, not rows: its key `data`"),
        ("a.json", json.dumps({"data": [{"prompt": POEM}] * 3}), "one JSON object, not rows: its key `data` holds 3"),
        ("a.json", json.dumps({"version": 1}, indent=2), "it holds one JSON object, not rows"),
        ("a.jsonl", "\n".join(json.dumps({"prompt": POEM}, indent=2) for _ in range(2)), "over several lines each"),
        ("a.csv", "id;question\n1;Why?\n", "its first line, which names the columns, is: id;question"),
        ("a.jsonl", "", "it has no rows"),
        ("a.jsonl", json.dumps({"prompt": POEM, "image": "a.png"}), "its only row is rejected as more_than_text"),
        ("a.jsonl", "not JSON\n" * 4, "its 4 rows are rejected as broken: not JSON"),
    ],
)
def test_an_import_that_keeps_nothing_says_why(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    for _ in range(2):  # the second time it finds its manifest
        done = importing("prompts", tmp_path / name, tmp_path / "out")
        assert isinstance(done.exception, DataError)
        assert done.exception.exit_code == 2
        assert f"{tmp_path / name} has no usable prompt: " in done.exception.what
        assert why in done.exception.what
        assert "prompts.source" not in done.stdout
    assert isinstance(importing("sets", tmp_path / name, tmp_path / "sets").exception, DataError)


def test_an_empty_import_is_written_anew_once_the_source_is_mended(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    for kind, good in (("prompts", {"prompt": POEM}), ("sets", {"messages": TALK})):
        source.write_text("no row\n", encoding="utf-8")
        assert importing(kind, source, tmp_path / kind).exit_code != 0
        write_lines(source, [good])
        assert importing(kind, source, tmp_path / kind).exit_code == 0


def test_one_source_of_two_that_gives_nothing_is_a_warning(tmp_path: Path) -> None:
    good = write_lines(tmp_path / "good.jsonl", [{"prompt": POEM}])
    bad = write_lines(tmp_path / "bad.jsonl", [{"text": "x"}])
    done = CliRunner().invoke(build_app("prompts"), ["prompts", "import", good, bad, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0
    assert f"warning: {bad} has no usable prompt: its only row is rejected as layout" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "note"),
    [
        ("a.csv", "\ufeffid;prompt\n1;Name a fruit, please.\n", "columns separated by semicolons"),
        ("a.csv", "id\tprompt\n1\tName a fruit, please.\n", "columns separated by tabs"),
        ("a.csv", "sep=;\nid;prompt\n1;Name a fruit, please.\n", "columns separated by semicolons"),
        ("a.tsv", 'id,prompt\n1,"Name a fruit, please."\n', "columns separated by commas"),
        ("a.csv", 'id,prompt;more\n1,"Name a fruit, please."\n', None),
        ("a.tsv", "prompt\nName a fruit, please.\n", None),
    ],
)
def test_a_delimiter_is_found_and_reported(tmp_path: Path, name: str, text: str, note: str | None) -> None:
    source = tmp_path / name
    source.write_text(text, encoding="utf-8")
    assert reading_note(str(source), Options()) == note
    ((_, row),) = read_source(str(source), Options())
    assert isinstance(row, dict)
    assert "Name a fruit, please." in row.values()
    if "more" not in text:
        done = imported(tmp_path / "out", [str(source)])
        assert prompts_of(tmp_path / "out") == ["Name a fruit, please."]
        assert done.manifest.notes == ({str(source): note} if note else {})


def _parquet(path: Path) -> None:
    parquet.write_table(pyarrow.table({"prompt": ["x"]}), path)


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (_parquet, "is a Parquet file"),
        (lambda path: path.write_bytes(b"PK\x03\x04rest"), "is a zip file, as Excel workbooks are"),
        (lambda path: path.write_bytes(b"\x1f\x8brest"), "is packed with gzip"),
    ],
)
def test_a_file_whose_name_is_wrong_is_told_by_its_bytes(
    tmp_path: Path, write: Callable[[Path], object], why: str
) -> None:
    write(tmp_path / "a.jsonl")
    with pytest.raises(DataError, match=why):
        imported(tmp_path / "out", [str(tmp_path / "a.jsonl")])


def test_sets_are_read_from_tables_too(tmp_path: Path) -> None:
    from datasets import Dataset

    parquet.write_table(pyarrow.Table.from_pylist([{"messages": TALK, "images": None}]), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("instruction;output;kto_tag\nSay it.;It.;true\nSay it.;No.;false\n", "utf-8")
    Dataset.from_list([{"messages": [TALK[0], {"role": "assistant", "content": "Red."}]}]).save_to_disk(
        tmp_path / "saved"
    )
    manifest = import_sets([tmp_path / name for name in ("a.parquet", "a.csv", "saved")], tmp_path / "out")
    assert (manifest.read, manifest.sets["responses"], manifest.rejected) == (4, 3, {"not_learned": 1})
    assert list(manifest.notes.values()) == ["columns separated by semicolons"]


def test_pictures_of_a_saved_dataset_are_seen_and_not_decoded(tmp_path: Path) -> None:
    from datasets import Dataset, Features, Image, Value

    features = Features({"prompt": Value("string"), "photo": Image()})
    rows = [{"prompt": POEM, "photo": None}, {"prompt": "What is it?", "photo": {"bytes": b"no picture", "path": None}}]
    dataset = Dataset.from_list(rows).cast(features)
    dataset.save_to_disk(tmp_path / "saved")
    dataset.to_parquet(tmp_path / "a.parquet")
    for name in ("saved", "a.parquet"):
        done = imported(tmp_path / f"out-{name}", [str(tmp_path / name)])
        assert (done.manifest.counts.self_play, done.manifest.counts.rejected["more_than_text"]) == (1, 1)


def test_a_folder_of_ours_is_read_without_what_accounts_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    folder.mkdir()
    write_lines(folder / "pairs.jsonl", [{"prompt": POEM, "chosen": "Blue.", "rejected": "Red."}])
    write_lines(folder / "lineage.jsonl", [{"file": "pairs.jsonl", "row": 0}])
    told = {"format": "trl", "spar": "0.1.0", "sets": {"pairs": "pairs.jsonl"}, "files": {"pairs.jsonl": "0"}}
    (folder / "manifest.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    first = import_sets([folder], tmp_path / "sets")
    assert (first.read, first.sets["pairs"], first.rejected) == (1, 1, {})
    assert [Path(name).name for name in first.left_alone] == ["lineage.jsonl", "manifest.json"]
    again = import_sets([tmp_path / "sets"], tmp_path / "again")
    assert (again.read, again.sets["pairs"]) == (1, 1)
    assert "rejects.jsonl" in {Path(name).name for name in again.left_alone}


def test_a_configuration_in_a_folder_is_no_data(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"hidden_size": 8}, indent=2), encoding="utf-8")
    with pytest.raises(DataError, match=r"Skipped: config\.json \(one JSON object, not rows\)"):
        import_sets([folder], tmp_path / "out")
    write_lines(folder / "rows.jsonl", [{"messages": TALK}])
    manifest = import_sets([folder], tmp_path / "out")
    assert (manifest.read, list(manifest.left_alone)) == (1, [str(folder / "config.json")])


def test_conversations_that_are_cut_are_counted(tmp_path: Path) -> None:
    more = [*TALK, {"role": "user", "content": "And green?"}]
    rows = [{"messages": TALK}, {"messages": more}, {"messages": [{"role": "user", "content": "Why?"}, *more[1:]]}]
    done = importing("prompts", Path(write_lines(tmp_path / "a.jsonl", rows)), tmp_path / "out", "--no-near")
    assert "1 conversations: only the first user turn is used" in done.stdout  # the other one is a repeat
    counts = json.loads((tmp_path / "out" / "manifest.json").read_text())["counts"]
    assert counts["left_out"] == {"later_turns": 1, "tools": 0, "system_message": 0}
    assert [row["kind"] for row in read_lines(tmp_path / "out" / "rejects.jsonl")] == ["duplicate"]
