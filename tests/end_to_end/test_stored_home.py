"""A home that an earlier version wrote (stored/home-0.1.0.tar.xz: one finished run, one that a budget stopped) is
opened, reported and resumed; nothing is computed again. How it was made, with the simulated engine and trainer:

    spar run recipe.yaml --dir home
    spar run recipe.yaml --dir home --set seed=1 --set budget.calls=150 --set models.one=true

home-0.1.0.json holds what that version reported of both runs, the second finished with budget.calls=5000.
"""

import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from spar.messages.states import StepState
from tests.end_to_end.simulated import run, steps_of

pytestmark = pytest.mark.end_to_end

STORED = Path(__file__).with_name("stored")
FINISHED, STOPPED = "carried-30d3e8aa", "carried-71435eb5"
REPORTED: Mapping[str, Any] = json.loads((STORED / "home-0.1.0.json").read_text(encoding="utf-8"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with tarfile.open(STORED / "home-0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "home"


def test_a_finished_run_is_reported_as_it_was_and_computed_no_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _results(home)
    monkeypatch.chdir(home.parent)
    ran = run(["run", "recipe.yaml", "--dir", home])
    assert ran.returncode == 0, ran.stderr
    assert _reported(home, FINISHED) == REPORTED[FINISHED]
    assert _results(home) == before


def test_a_stopped_run_is_resumed_to_the_end_it_would_have_had(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = {(step.id, step.fingerprint, step.result_key) for step in steps_of(home) if step.state is StepState.DONE}
    assert len(done) > 20
    monkeypatch.chdir(home.parent)
    changed = ["--set", "seed=1", "--set", "budget.calls=5000", "--set", "models.one=true"]
    resumed = run(["run", "recipe.yaml", "--dir", home, *changed])
    assert resumed.returncode == 0, resumed.stderr
    assert _reported(home, STOPPED) == REPORTED[STOPPED]
    now = {(step.id, step.fingerprint, step.result_key): step for step in steps_of(home)}
    assert done <= now.keys()
    assert {now[each].attempt for each in done} <= {0, 1}  # 0: the result was there already


def test_what_that_version_did_not_measure_is_unknown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    migrated = run(["run", "recipe.yaml", "--dir", home])
    assert migrated.returncode == 0, migrated.stderr
    made = json.loads(run(["profile", FINISHED, "--dir", home, "--json"]).stdout)
    for kind in made["kinds"]:
        assert {part for part, seconds in kind["running"].items() if seconds} <= {"unknown_s"}
    assert "running, not measured" in made["iterations"][-1]["limits"]
    shown = run(["profile", FINISHED, "--dir", home]).stdout
    assert "own code" not in shown
    assert " ? " in shown


def _results(home: Path) -> set[Path]:
    """What steps wrote; a submission may store more for later checks than that version did."""
    folders = (home / "store" / name for name in ("results", "models"))
    return {path.relative_to(home) for folder in folders for path in folder.rglob("*") if path.is_file()}


def _reported(home: Path, run_id: str) -> Sequence[Mapping[str, Any]]:
    report = json.loads((home / "runs" / run_id / "report.json").read_text(encoding="utf-8"))
    assert report["status"] == "finished"
    return [
        {
            "outcomes": {name: count for name, count in entry["outcomes"].items() if count},
            **{key: entry[key] for key in ("pairs", "trees", "solved")},
        }
        for entry in report["iterations"][1:]
    ]
