"""`spar decode` as a user calls it, on a simulated server and a file of prompts; and resumed after an interruption."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spar.testing.process import INSTANT, server_process

pytestmark = pytest.mark.end_to_end


def decode(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "spar.cli.main", "decode", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def report_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "decode.json").read_text(encoding="utf-8"))
    return found


def calls_in(folder: Path) -> list[bytes]:
    [book] = (folder / "calls").iterdir()
    return book.read_bytes().splitlines(keepends=True)


def test_a_sweep_is_written_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "out"
    prompts.write_text("".join(json.dumps({"prompt": f"Write text {i}."}) + "\n" for i in range(12)))
    with server_process(*INSTANT) as url:
        arguments = (str(prompts), "--actor", url, "--refiner", url, "--budgets", "1,2,4", "--out", str(out))
        done = decode(*arguments)
        assert done.returncode == 0, done.stderr
        first, calls = report_in(out), calls_in(out)
        assert "name an independent --judge" in done.stderr
        assert {(point["strategy"], point["budget"]) for point in first["points"]} >= {("actor", 1), ("bfs", 4)}
        assert len((out / "responses.jsonl").read_text().splitlines()) == 12 * len(first["points"])
        assert "<polyline" in (out / "decode.html").read_text()

        [book] = (out / "calls").iterdir()
        book.write_bytes(b"".join(calls[: len(calls) // 2]) + calls[-1][:20])  # as a kill leaves it
        again = decode(*arguments, "--json")
        assert again.returncode == 0, again.stderr
    assert report_in(out)["points"] == first["points"]
    assert json.loads(again.stdout)["points"] == first["points"]
    assert sorted(calls_in(out)) == sorted(calls)


def test_without_models_it_says_what_is_missing(tmp_path: Path) -> None:
    done = decode("ifeval", "--out", str(tmp_path))
    assert done.returncode == 2
    assert "needs a model as its actor" in done.stderr
    wrong = decode("story", "--budgets", "1,two", "--out", str(tmp_path))
    assert wrong.returncode == 2
    assert "whole numbers from 1" in wrong.stderr
