"""`spar dead` on a home: a run that finished without some steps is replayed to the undisturbed bytes, or the loss is
accepted."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.faulty import FaultySwitch, faulty_server
from tests.end_to_end.simulated import report_of, run
from tests.end_to_end.test_environment_faults import SHARD, Runs

pytestmark = pytest.mark.end_to_end

POISON = "a note on river 30 "
TOLERANT: dict[str, Any] = {
    "failures.dead_shards": 1,
    "failures.most": 1,
    "dispatch.attempts": 2,
    "dispatch.engine_wait_s": 15,  # until a step that is alone with its error is taken for its cause
}


@pytest.fixture
def switch() -> Iterator[FaultySwitch]:
    with faulty_server(FaultySwitch()) as served:
        yield served


@pytest.fixture
def runs(tmp_path: Path, switch: FaultySwitch) -> Runs:
    return Runs(tmp_path, switch.url)


def dead(runs: Runs, home: str, *words: str) -> subprocess.CompletedProcess[str]:
    done = run(["dead", *words, "--dir", runs.folder / home])
    assert done.returncode == 0, done.stderr
    return done


def listed(runs: Runs, home: str) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = json.loads(dead(runs, home, "list", "--json").stdout)
    return letters


def test_a_finished_run_is_replayed_to_the_undisturbed_bytes(runs: Runs, switch: FaultySwitch) -> None:
    wanted = runs.undisturbed()
    switch.poison = POISON
    finished = run(runs.command("replayed", **TOLERANT))
    assert finished.returncode == 0, finished.stderr
    assert "finished without 1 step" in finished.stderr
    assert "spar dead retry" in finished.stderr
    [letter] = listed(runs, "replayed")
    assert letter["prompts"] == runs.lost("replayed") == SHARD
    shown = dead(runs, "replayed", "show", str(letter["step"])).stdout
    assert "this is not taken" in shown
    assert str(letter["step"]) in dead(runs, "replayed", "list").stdout

    switch.heal()
    assert "1 to be retried" in dead(runs, "replayed", "retry").stdout
    assert listed(runs, "replayed") == []
    resumed = run(["resume", "--dir", runs.folder / "replayed"])
    assert resumed.returncode == 0, resumed.stderr
    assert runs.lost("replayed") == 0
    assert runs.pairs("replayed") == wanted


def test_what_was_dropped_is_offered_no_more(runs: Runs, switch: FaultySwitch) -> None:
    switch.poison = POISON
    command = runs.command("dropped", **TOLERANT)
    assert run(command).returncode == 0
    [letter] = listed(runs, "dropped")
    assert "1 dropped" in dead(runs, "dropped", "drop", "--step", str(letter["step"])).stdout
    assert "no step to retry" in dead(runs, "dropped", "retry").stdout
    switch.heal()
    again = run(command)
    assert again.returncode == 0, again.stderr
    assert "finished without" not in again.stderr
    assert runs.lost("dropped") == SHARD
    assert report_of(runs.folder / "dropped")["status"] == "finished"


def test_a_step_that_is_none_of_them_is_refused(runs: Runs, switch: FaultySwitch) -> None:
    assert run(runs.command("sound")).returncode == 0
    assert "no step has failed for good" in dead(runs, "sound", "list").stdout
    for command in ("show", "retry", "drop"):
        step = ["999"] if command == "show" else ["--step", "999"]
        refused = run(["dead", command, *step, "--dir", runs.folder / "sound"])
        assert refused.returncode == 2, refused.stderr
        assert "has no dead letter 999" in refused.stderr
        assert "spar dead list" in refused.stderr
