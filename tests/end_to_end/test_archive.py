"""Archives as users make them: written, restored elsewhere, and resumed to the same result as the original run."""

import json
from pathlib import Path
from typing import Any

import pytest

from spar.messages.base import StepKind
from spar.messages.states import StepState
from tests.end_to_end.simulated import facts_of, kill_when, report_of, run, start, steps_of, write_recipe

pytestmark = pytest.mark.end_to_end

PROMPTS = {"source": "world:story", "per_iteration": 20, "shard_size": 5}


def spar(*arguments: str | Path) -> str:
    ended = run(arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def pairs_of(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "store" / "pairs").iterdir()}


def attempts_of(home: Path) -> dict[Any, int]:
    return {(step.iteration, step.kind, step.part): step.attempt for step in steps_of(home)}


def test_an_interrupted_run_is_resumed_elsewhere_to_the_undisturbed_bytes(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, prompts=PROMPTS)
    home, elsewhere, untouched = tmp_path / "home", tmp_path / "elsewhere", tmp_path / "untouched"
    spar("run", recipe, "--dir", untouched)

    process = start(["run", recipe, "--dir", home])
    kill_when(process, home, lambda steps: any(s.kind is StepKind.TRAINING for s in steps))
    done = {place for place, step in zip(attempts_of(home), steps_of(home), strict=True) if step.state == "done"}
    assert done
    assert not all(step.state is StepState.DONE for step in steps_of(home))
    file = tmp_path / "run.tar.zst"
    spar("archive", home, file)
    (tmp_path / "models").rename(tmp_path / "away")  # another machine has no such folder
    spar("restore", file, "--dir", elsewhere)

    before = {place: attempts for place, attempts in attempts_of(elsewhere).items() if place in done}
    assert json.loads(spar("status", elsewhere, "--json"))["status"] == "interrupted"
    spar("resume", elsewhere)
    assert facts_of(report_of(elsewhere)) == facts_of(report_of(untouched))
    assert pairs_of(elsewhere) == pairs_of(untouched)
    assert before.items() <= attempts_of(elsewhere).items()


def test_a_finished_run_is_shown_and_run_elsewhere_without_recomputing_anything(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, prompts=PROMPTS, iterations=1)
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    spar("run", recipe, "--dir", home)
    file, again = tmp_path / "run.tar.zst", tmp_path / "again.tar.zst"
    spar("archive", home, file)
    spar("restore", file, "--dir", elsewhere)
    assert report_of(elsewhere) == report_of(home)

    spar("archive", elsewhere, again)
    assert again.read_bytes() == file.read_bytes()
    assert "already" in spar("restore", file, "--dir", elsewhere)

    prompt = json.loads(spar("explain", elsewhere, "--outcome", "pair", "--json").splitlines()[0])["prompt"]["id"]
    for words in (["status"], ["report"], ["explain"], ["tree", prompt]):
        shown, original = (spar(words[0], place, *words[1:]) for place in (elsewhere, home))
        assert shown == original.replace(str(home), str(elsewhere))
    steps = attempts_of(elsewhere)
    spar("run", recipe, "--dir", elsewhere)
    assert attempts_of(elsewhere) == steps
    assert facts_of(report_of(elsewhere)) == facts_of(report_of(home))
