"""`spar prompts evolve` as a user calls it: a scripted teacher over HTTP, the rules teacher, interrupts, refusals."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spar.cli.main import main
from spar.data.readers.prompts import read_prompts
from spar.evolution.records import EvolutionOutcome
from spar.testing.process import INSTANT, server_process
from spar.worlds.story.prompts import generate_prompts, split_of
from spar.worlds.story.rules import parse_prompt

pytestmark = [pytest.mark.end_to_end, pytest.mark.usefixtures("logging_as_before")]


@dataclass(frozen=True)
class Place:
    """A folder with seed prompts, a home and outputs; `evolve` runs the command in this process."""

    folder: Path
    seeds: Path

    def arguments(self, teacher: str, out: str, *options: str) -> list[str]:
        name = ["--model", "simulated"] if "://" in teacher else []
        home = ["--dir", str(self.folder / "home")]
        base = ["prompts", "evolve", str(self.seeds), "--out", str(self.folder / out), "--teacher", teacher]
        return [*base, *name, *home, *options]

    def evolve(self, teacher: str, out: str, *options: str) -> int:
        try:
            main(self.arguments(teacher, out, *options))
        except SystemExit as end:
            return int(end.code or 0)
        return 0

    def manifest(self, out: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / out / "manifest.json").read_text(encoding="utf-8"))
        return found

    def rows(self, out: str, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / out / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    seeds = tmp_path / "seeds.jsonl"
    rows: list[Any] = [{"prompt": f"Write about lamp {i} and the river.", "id": i} for i in range(48)]
    rows += [{"prompt": "What is the sum of 2 and 3?"}, {"prompt": rows[0]["prompt"]}, {"text": "no prompt"}]
    seeds.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n", encoding="utf-8")
    return Place(tmp_path, seeds)


def test_every_row_ends_once_and_the_output_is_what_recipes_read(place: Place, instant: str) -> None:
    prices = ("--price-per-million-in", "1", "--price-per-million-out", "2")
    assert place.evolve(instant, "out", "--yes", *prices) == 0
    manifest = place.manifest("out")
    evolved, rejects = place.rows("out", "evolved.jsonl"), place.rows("out", "rejects.jsonl")
    assert sorted(row["row"] for row in [*evolved, *rejects]) == list(range(1, 53))
    assert manifest["outcomes"] == {
        outcome.value: Counter(row.get("outcome", "evolved") for row in [*evolved, *rejects])[outcome.value]
        for outcome in EvolutionOutcome
    }
    ends = {row["row"]: row["outcome"] for row in rejects}
    assert [ends[row] for row in (49, 50, 51, 52)] == ["declined", "repeated_seed", "unreadable", "unreadable"]
    assert len(evolved) > 35
    assert all(row["reason"] for row in rejects)
    assert all(row["main_constraint"] in row["prompt"] and row["added_constraints"] for row in evolved)
    read = read_prompts(place.folder / "out" / "evolved.jsonl")
    assert (len(read.prompts), read.rejects) == (len(evolved), [])
    taken = manifest["taken"]
    assert taken["calls"] > 49 + len(evolved)
    assert taken["money"] == pytest.approx((taken["prompt_tokens"] + 2 * taken["completion_tokens"]) / 1e6)
    assert {"evolve_unparsable", "evolve_off_count", "check_unparsable"} <= taken["failed_replies"].keys()
    statistics = manifest["statistics"]
    assert sum(statistics["main_drawn"].values()) == 49
    assert sum(statistics["main_kept"].values()) == len(evolved)
    assert statistics["self_bleu_of"] == len(evolved)


def test_the_output_is_imported_and_split(place: Place, instant: str) -> None:
    assert place.evolve(instant, "out", "--yes", "--limit", "40") == 0
    kept = place.manifest("out")["outcomes"]["evolved"]
    source, to = place.folder / "out" / "evolved.jsonl", place.folder / "in"
    with pytest.raises(SystemExit) as end:
        main(["prompts", "import", str(source), "--out", str(to), "--sft-share", "0.4", "--no-near"])
    assert not end.value.code
    counts = json.loads((to / "manifest.json").read_text())["counts"]
    assert counts["sft"] + counts["self_play"] == counts["read"] == kept
    assert counts["sft"] > 5


def test_it_tells_its_price_and_starts_nothing_unasked(
    place: Place, instant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.evolve(instant, "out", "--price-per-million-in", "1000") == 2
    output = capsys.readouterr().err
    assert "49 seed prompts to evolve" in output
    assert "98 calls" in output
    assert "in money" in output
    assert "Add --yes" in output
    assert not any((place.folder / "out").iterdir())


def test_the_same_command_again_asks_nothing_and_another_seed_is_another_evolution(
    place: Place, instant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.evolve(instant, "out", "--yes") == 0
    first = place.rows("out", "evolved.jsonl")
    assert place.evolve("http://127.0.0.1:9/v1", "out") == 0  # no server is there, and none is needed
    assert "holds this evolution already" in capsys.readouterr().out
    assert place.evolve("http://127.0.0.1:9/v1", "copy") == 0  # the home has all results
    assert place.rows("copy", "evolved.jsonl") == first
    assert place.evolve(instant, "out", "--yes", "--seed", "1") == 2
    (place.folder / "copy" / "evolved.jsonl").write_text("mine\n", encoding="utf-8")
    assert place.evolve(instant, "copy", "--yes") == 2
    assert (place.folder / "copy" / "evolved.jsonl").read_text(encoding="utf-8") == "mine\n"
    assert place.evolve(instant, "out", "--yes", "--seed", "1", "--replace") == 0
    assert {row["prompt"] for row in place.rows("out", "evolved.jsonl")} != {row["prompt"] for row in first}


def booked_results(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "spar.db")) as database:
        return [key for (key,) in database.execute("select key from result")]


def test_a_killed_evolution_goes_on_where_it_was(place: Place) -> None:
    with server_process("--step-base", "0.002") as url:
        assert place.evolve(url, "whole", "--yes", "--dir", str(place.folder / "another")) == 0
        # One shard at a time, so that it is still at work when the signal comes, however busy the machine.
        command = [sys.executable, "-m", "spar.cli.main", *place.arguments(url, "out", "--yes", "--window", "16")]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            results = place.folder / "home" / "store" / "results"
            while not (results.is_dir() and len(list(results.iterdir())) >= 3):
                assert process.poll() is None, "it ended before it could be stopped"
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -9
        assert not (place.folder / "out" / "manifest.json").exists()
        # What a kill leaves between an object and its entry in the books is made again, and is the same.
        booked = [place.folder / "home" / "store" / key for key in booked_results(place.folder / "home")]
        kept = {path: path.stat().st_mtime_ns for path in booked}
        assert len(kept) >= 2
        assert place.evolve(url, "out", "--yes") == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "a result was made twice"
    for name in ("evolved.jsonl", "rejects.jsonl"):
        assert (place.folder / "out" / name).read_bytes() == (place.folder / "whole" / name).read_bytes()
    assert place.manifest("out")["taken"]["calls"] == place.manifest("whole")["taken"]["calls"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--api-key", "secret"), 3, "does not accept our credentials (HTTP 401"),
        (("--model", "other"), 2, "it serves: other"),
        (("--stop-after", "30"), 3, "rerun the command to resume"),
    ],
)
def test_a_server_that_refuses_ends_it_and_nothing_is_lost(
    place: Place, instant: str, options: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with server_process(*INSTANT, *options) as url:
        assert place.evolve(url, "out", "--yes", "--deadline", "1") == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert place.evolve(instant, "out", "--yes") == 0
    assert sum(place.manifest("out")["outcomes"].values()) == 52


def test_shards_that_time_out_are_reported_and_retried(
    place: Place, instant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with server_process(*INSTANT, "--hang", "0.08") as url:
        assert place.evolve(url, "out", "--yes", "--deadline", "1") == 0
    outcomes = place.manifest("out")["outcomes"]
    assert outcomes["engine_failed"] % 16 in (0, 1)  # whole shards; the last has one prompt
    assert outcomes["engine_failed"] > 0
    assert "to retry them" in capsys.readouterr().err
    assert place.evolve(instant, "out", "--yes") == 0
    assert place.manifest("out")["outcomes"]["engine_failed"] == 0


def test_a_result_that_was_lost_is_made_again(place: Place, instant: str) -> None:
    assert place.evolve(instant, "out", "--yes") == 0
    lost = [path for path in (place.folder / "home" / "store" / "results").rglob("*") if path.is_file()][:3]
    for path in lost:
        path.unlink()
    assert place.evolve(instant, "copy", "--yes") == 0
    assert place.rows("copy", "evolved.jsonl") == place.rows("out", "evolved.jsonl")
    assert all(path.is_file() for path in lost)


def test_the_rules_teacher_evolves_prompts_of_the_story_world(place: Place) -> None:
    texts = generate_prompts(120, 0, "selfplay")
    place.seeds.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts), encoding="utf-8")
    assert place.evolve("rules", "out", "--yes") == 0
    evolved, rejects = place.rows("out", "evolved.jsonl"), place.rows("out", "rejects.jsonl")
    assert len(evolved) > 60
    assert {row["outcome"] for row in rejects} <= {"declined", "main_unused", "unchanged", "repeated"}
    assert any(row["outcome"] == "main_unused" for row in rejects)  # it errs, and its check finds out
    for row in evolved:
        prompt = parse_prompt(row["prompt"])
        assert all(prompt.get(kind) for kind in (row["main_constraint"], *row["added_constraints"]))
        assert split_of(row["prompt"]) == "selfplay"
        assert all(str(constraint) in row["prompt"] for constraint in parse_prompt(row["seed_prompt"]).constraints)


@pytest.mark.parametrize(
    ("teacher", "options", "message"),
    [
        ("/nowhere", (), "no model directory"),
        ("rules", ("--model", "x"), "is no URL"),
        ("rules", ("--taxonomy", "/nowhere.yaml"), "is not a taxonomy"),
        ("rules", ("--forms", "/nowhere"), "no readable evolve.txt"),
        ("ftp://x", ("--yes",), "not the URL of a server"),
        ("rules", ("--stack",), "--stack uses none"),  # for --dir is given, too
    ],
)
def test_invalid_settings_are_reported(
    place: Place, teacher: str, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.evolve(teacher, "out", *options) == 2
    assert message in " ".join(capsys.readouterr().err.split())
