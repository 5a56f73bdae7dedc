"""`spar fetch`: files come from a folder or over HTTP, and are what was published, or nothing is written."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from spar.cli.fetch import SOURCES
from spar.cli.main import build_app
from spar.errors import DataError
from tests.unit.evaluation.benchmarks.places import FOLLOWBENCH, IFEVAL, LLMBAR

PLACES = {"followbench": FOLLOWBENCH, "ifeval": IFEVAL.parent, "llmbar": LLMBAR}


def fetch(*arguments: object) -> dict[str, Any]:
    given = ["fetch", *(str(argument) for argument in arguments), "--json"]
    done = CliRunner().invoke(build_app("fetch"), given, catch_exceptions=False)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


@pytest.fixture
def mirror() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLLOWBENCH)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", SOURCES)
def test_a_copy_is_checked_and_a_second_call_fetches_nothing(tmp_path: Path, name: str) -> None:
    told = fetch(name, "--out", tmp_path / name, "--from", PLACES[name])
    assert told["fetched"] == list(SOURCES[name].files)
    assert all((tmp_path / name / path).is_file() for path in SOURCES[name].files)
    assert fetch(name, "--out", tmp_path / name, "--from", tmp_path / "nowhere")["fetched"] == []


def test_files_come_over_http(tmp_path: Path, mirror: str) -> None:
    assert len(fetch("followbench", "--out", tmp_path, "--from", mirror)["fetched"]) == 6
    with pytest.raises(DataError, match=r"cannot be downloaded: .*404"):
        fetch("ifeval", "--out", tmp_path, "--from", mirror)


def test_other_bytes_are_refused_and_not_written(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "input_data.jsonl").write_text("{}")
    with pytest.raises(DataError, match="is not the published file"):
        fetch("ifeval", "--out", tmp_path / "out", "--from", tmp_path / "copy")
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_fetched_anew(tmp_path: Path) -> None:
    fetch("ifeval", "--out", tmp_path, "--from", IFEVAL.parent)
    (tmp_path / "input_data.jsonl").write_text("torn")
    assert fetch("ifeval", "--out", tmp_path, "--from", IFEVAL.parent)["fetched"] == ["input_data.jsonl"]


def test_what_has_no_source_is_refused() -> None:
    with pytest.raises(DataError, match="Unknown name 'sudoku'"):
        fetch("sudoku")


def test_every_address_names_a_commit() -> None:
    assert all(any(len(part) == 40 for part in source.base.split("/")) for source in SOURCES.values())
