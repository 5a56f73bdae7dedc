"""Bad input by a user: a clear message that says what to do, the right exit code, and nothing lost."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.simulated import report_of, run, write_model, write_recipe

pytestmark = pytest.mark.end_to_end


def refused(arguments: list[str | Path], *messages: str, code: int = 2) -> None:
    ended = run(arguments)
    assert ended.returncode == code, ended.stderr
    assert "error:" in ended.stderr
    assert "fix:" in ended.stderr
    assert "Traceback" not in ended.stderr
    for text in messages:
        assert text in ended.stderr.replace("\n", " ")


def test_a_recipe_with_a_typo(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, serach={"depth": 2})
    refused(["run", recipe, "--dir", tmp_path / "home"], "serach", "search")
    assert not (tmp_path / "home").exists()


def test_a_prompts_file_with_broken_rows_is_used_and_the_rows_are_reported(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    good = [json.dumps({"prompt": f"Write about lamp number {n}."}) for n in range(20)]
    prompts.write_text("\n".join([*good[:10], "{broken", json.dumps({"prompt": "  "}), *good[10:]]) + "\n")
    settings = {"source": str(prompts), "per_iteration": 10, "shard_size": 5}
    recipe = write_recipe(tmp_path, prompts=settings)
    ended = run(["run", recipe, "--dir", tmp_path / "home"])
    assert ended.returncode == 0, ended.stderr
    assert "line 11" in ended.stderr
    assert "line 12" in ended.stderr
    assert [sum(entry["outcomes"].values()) for entry in report_of(tmp_path / "home")["iterations"][1:]] == [10, 10]


def test_too_few_prompts(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "one"}\n{broken\n{"prompt": ""}\n')
    recipe = write_recipe(tmp_path, prompts={"source": str(prompts), "per_iteration": 10})
    refused(["run", recipe, "--dir", tmp_path / "home"], "1 usable prompt", "line 2", "line 3")
    refused(["plan", recipe, "--pilot", "5", "--dir", tmp_path / "home"], "1 usable prompt")
    assert not (tmp_path / "home").exists()


def test_a_model_directory_without_weights(tmp_path: Path) -> None:
    empty = write_model(tmp_path / "empty", "e")
    (empty / "model.safetensors").unlink()
    recipe = write_recipe(tmp_path, models={"actor": str(empty), "refiner": str(empty)})
    refused(["run", recipe, "--dir", tmp_path / "home"], "without weights", str(empty))
    assert not (tmp_path / "home").exists()


def test_a_directory_that_is_neither_empty_nor_a_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    refused(["run", write_recipe(tmp_path), "--dir", home], "neither empty nor a home", "thesis.tex")
    assert [path.name for path in home.iterdir()] == ["thesis.tex"]


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    # Root may write anywhere but here.
    refused(["run", write_recipe(tmp_path), "--dir", "/proc/spar"], "cannot be used as a run directory")


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    refused(["status", "--dir", tmp_path], "holds no runs")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB, on which a run's first results fit and its last do not."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this user may not mount a file system: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(tmp_path: Path, small_disk: Path) -> None:
    recipe = write_recipe(tmp_path)
    stopped = run(["run", recipe, "--dir", small_disk / "home"])
    assert stopped.returncode in (1, 2, 3), stopped.stderr
    assert "No space left" in stopped.stderr.replace("\n", " ")
    assert "Traceback" not in stopped.stderr
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    ended = run(["run", recipe, "--dir", small_disk / "home"])
    assert ended.returncode == 0, ended.stderr
    assert [sum(entry["outcomes"].values()) for entry in report_of(small_disk / "home")["iterations"][1:]] == [60, 60]
