"""What `spar refine` wrote is exported as a run's data is: pairs, the refiner's examples, where each row comes from."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spar.cli.main import build_app
from spar.cli.refine import RefineOptions
from spar.data.sets.importing import import_sets
from spar.engines.registry import make_engine
from spar.errors import DataError
from spar.inference.batch.output import ABOUT, settings_path
from spar.inference.batch.run import search_file
from spar.inference.batch.search_row import RowOutcome
from spar.testing.clock import PATIENCE_S, run_virtually
from spar.testing.server import ServerOptions, running_server
from tests.unit.data.files import read_lines, write_lines

ROWS = 40


async def refined(folder: Path, **options: Any) -> Path:
    rows = [{"prompt": f"Begin text {i} with river.", "response": f"moon {i} table"} for i in range(ROWS)]
    rows += [{"prompt": "Write.", "response": "a luminous text"}, {"prompt": "", "response": "x"}, rows[0]]
    source, out = write_lines(folder / "in.jsonl", rows), folder / "refined.jsonl"
    async with running_server(ServerOptions()) as url:
        job = RefineOptions(Path(source), url, out, **options).job()
        await search_file(job, make_engine(job.engine), lambda _: None)
    return out


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, _ = run_virtually(refined(tmp_path_factory.mktemp("refined")), PATIENCE_S)
    return out


def export(output: Path, out: Path, *arguments: str) -> Result:
    return CliRunner().invoke(build_app("export"), ["export", str(output), "--out", str(out), *arguments])


def test_every_solved_row_is_a_pair_and_every_row_is_counted(output: Path, tmp_path: Path) -> None:
    done = export(output, tmp_path / "out", "--format", "trl")
    assert done.exit_code == 0, done.output
    rows = {row["line"]: row for row in read_lines(output)}
    solved = [row for row in rows.values() if row["outcome"] == RowOutcome.SOLVED]
    told = {(row["prompt"], row["refined"], row["response"]) for row in solved}
    pairs = read_lines(tmp_path / "out" / "pairs.jsonl")
    assert len(told) > 20
    sides = ("prompt", "chosen", "rejected")
    assert {tuple(row[side][0]["content"] for side in sides) for row in pairs} == told
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (one,) = manifest["iterations"]
    assert sum(one["outcomes"].values()) == one["prompts"] == len(rows) == ROWS + 3
    assert one["outcomes"]["rejected"] == 1
    assert one["outcomes"].get("duplicate", 0) == len(solved) - len(told)
    assert manifest["origin"] == "refinements"


def test_each_row_names_the_lines_that_it_comes_from(output: Path, tmp_path: Path) -> None:
    export(output, tmp_path / "out", "--format", "openrlhf", "--what", "pairs")
    lineage = read_lines(tmp_path / "out" / "lineage.jsonl")
    pairs = read_lines(tmp_path / "out" / "pairs.jsonl")
    rows = {row["line"]: row for row in read_lines(output)}
    assert len(lineage) == len(pairs)
    for told, pair in zip(lineage, pairs, strict=True):
        assert told["source"] == str(output)
        assert {rows[line]["prompt"] for line in told["lines"]} == {pair["prompt"][0]["content"]}
    first = next(told for told, pair in zip(lineage, pairs, strict=True) if "text 0 with" in str(pair["prompt"]))
    assert first["lines"] == [1, ROWS + 3]


def test_the_refiners_examples_are_those_of_a_run(output: Path, tmp_path: Path) -> None:
    done = export(output, tmp_path / "out", "--format", "trl", "--what", "examples")
    assert done.exit_code == 0, done.output
    kinds = {row["kind"] for row in read_lines(tmp_path / "out" / "lineage.jsonl")}
    assert "refinement" in kinds
    manifest = import_sets([tmp_path / "out"], tmp_path / "sets")
    assert (manifest.sets["refinements"] > 0, manifest.rejected) == (True, {})


def test_the_card_says_what_made_it(output: Path, tmp_path: Path) -> None:
    export(output, tmp_path / "out", "--format", "parquet")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "# Training data of refined responses: refined.jsonl" in card
    assert f"- prompts: {output.parent / 'in.jsonl'}; seed 0" in card
    assert f"- {output}: given responses, judged and refined by served:" in card


def test_an_output_without_its_settings_still_gives_pairs(output: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.jsonl"
    moved.write_bytes(output.read_bytes())
    done = export(moved, tmp_path / "out", "--format", "trl")
    assert (done.exit_code, (tmp_path / "out" / "pairs.jsonl").is_file()) == (0, True)
    assert "moved.jsonl.settings.json does not name the templates" in done.stderr
    none = export(moved, tmp_path / "none", "--format", "trl", "--what", "examples")
    assert isinstance(none.exception, DataError)


def test_settings_of_an_older_version_name_built_in_templates_by_digest(output: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.jsonl"
    older.write_bytes(output.read_bytes())
    settings = json.loads(settings_path(output).read_text())
    del settings[ABOUT]
    settings_path(older).write_text(json.dumps(settings))
    done = export(older, tmp_path / "out", "--format", "trl", "--what", "examples")
    assert (done.exit_code, "does not name" in done.stderr) == (0, False), done.output


def test_files_that_were_made_alike_are_exported_together(output: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_bytes(output.read_bytes())
    settings = json.loads(settings_path(output).read_text())
    settings_path(other).write_text(json.dumps(settings))
    done = export(output, tmp_path / "out", str(other), "--format", "trl")
    assert done.exit_code == 0, done.output
    sources = {row["source"] for row in read_lines(tmp_path / "out" / "lineage.jsonl")}
    assert sources == {str(output), str(other)}
    settings_path(other).write_text(json.dumps({**settings, "seed": 9}))
    refused = export(output, tmp_path / "no", str(other), "--format", "trl")
    assert isinstance(refused.exception, DataError)
    assert "was written with other settings" in refused.exception.what


@pytest.mark.parametrize(
    ("text", "arguments", "told"),
    [
        ('{"prompt": "x"}\n', (), "line 1 is not one of its rows"),
        ("no row\n", (), "line 1 is not one of its rows"),
        ('{"line": 1, "row": "0", "outcome": "solved"', (), "is incomplete, or still being written"),
        ('{"line": 1, "row": "0", "outcome": "other"}\n', (), "line 1 is not one of its rows"),
        ('{"line": 1, "row": "0", "outcome": "rejected"}\n', (), "No pairs and no examples"),
        ("", ("--what", "actor"), "holds no model"),
        ("", ("--iteration", "1"), "has no iterations"),
        ("", ("--what", "pairs"), "No pairs"),
    ],
)
def test_what_cannot_be_exported_is_reported(tmp_path: Path, text: str, arguments: tuple[str, ...], told: str) -> None:
    path = tmp_path / "refined.jsonl"
    path.write_text(text, encoding="utf-8")
    done = export(path, tmp_path / "out", "--format", "trl", *arguments)
    assert isinstance(done.exception, DataError)
    assert (done.exception.exit_code, told in done.exception.what) == (2, True), done.exception.what
    assert not (tmp_path / "out").exists()
