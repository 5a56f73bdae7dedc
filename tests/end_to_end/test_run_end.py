"""Runs that achieve nothing: each stops with its reason and exit code, and the same command resumes it once the cause
is gone."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spar.testing.process import INSTANT, server_process
from tests.end_to_end.simulated import report_of, run, steps_of

pytestmark = pytest.mark.end_to_end

PROMPTS, SHARD = 24, 8


class Scene:
    """A recipe without training, with a server address that stays the same whichever server listens there."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        rows = [{"prompt": f"Write a note on river {number} in {number} words."} for number in range(1, PROMPTS + 1)]
        (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.home = folder / "home"
        settings = {
            "models.actor": "served:simulated",
            "models.refiner": "served:simulated",
            "engine.url": f"http://127.0.0.1:{self.port}/v1",
            "prompts.source": folder / "prompts.jsonl",
            "prompts.per_iteration": PROMPTS,
            "prompts.shard_size": SHARD,
            "dispatch.engine_wait_s": 0,
        }
        given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        self.command = ["run", "endpoint", *given, "--dir", self.home]

    @contextmanager
    def server(self, *options: str) -> Iterator[None]:
        with server_process(*INSTANT, "--port", str(self.port), *options):
            yield

    def stops(self, code: int, *words: str) -> None:
        """Whatever the reason, only the first shard has been sent."""
        stopped = run(self.command)
        assert stopped.returncode == code, stopped.stderr
        assert all(word in stopped.stderr for word in words), stopped.stderr
        assert report_of(self.home)["status"] in ("failed", "stopped")
        assert {step.part for step in steps_of(self.home) if step.attempt} == {"0"}

    def finishes(self) -> None:
        finished = run(self.command)
        assert finished.returncode == 0, finished.stderr
        [_, only] = report_of(self.home)["iterations"]
        assert sum(only["outcomes"].values()) == PROMPTS
        assert only["pairs"] > 0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_wrong_key(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "wrong")
    with scene.server("--api-key", "right"):
        scene.stops(3, "run failed", "HTTP 401", "SPAR_ENGINE_API_KEY")
        monkeypatch.setenv("SPAR_ENGINE_API_KEY", "right")
        scene.finishes()


def test_a_wrong_key_where_the_canary_is_all_that_there_is(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single step cannot reveal the cause: it fails on its own account, and its error determines the exit code."""
    monkeypatch.setenv("SPAR_ENGINE_API_KEY", "wrong")
    scene.command += ["--set", f"prompts.shard_size={PROMPTS}"]
    with scene.server("--api-key", "right"):
        scene.stops(3, f"the first {PROMPTS} prompts", "all failed", "HTTP 401", "SPAR_ENGINE_API_KEY")
        monkeypatch.setenv("SPAR_ENGINE_API_KEY", "right")
        scene.finishes()


def test_an_unknown_model(scene: Scene) -> None:
    with scene.server("--model", "another"):
        scene.stops(2, "does not serve the model 'simulated'", "another")
    with scene.server():
        scene.finishes()


def test_no_network(scene: Scene) -> None:
    scene.stops(3, "the engine stays unavailable", "cannot be used")
    with scene.server():
        scene.finishes()


def test_a_judge_whose_replies_cannot_be_read(scene: Scene) -> None:
    with scene.server("--unparsable", "1"):
        scene.stops(2, f"none of the first {SHARD} prompts", "a vote, unparsable: 'Step-by-step", "templates: compact")
    with scene.server():
        scene.finishes()


def test_prompts_that_are_all_too_long(scene: Scene) -> None:
    with scene.server("--context", "5"):
        scene.stops(2, "too_long", "a response, too_long", "longer context")
    with scene.server():
        scene.finishes()
