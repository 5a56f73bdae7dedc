"""The commands that use the API, against one in a separate process; the test itself plays the worker."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session, select

from spar.cli.main import main
from spar.db.engine import COORDINATOR, only_one
from spar.db.tables import Event
from spar.method.templates import builtin_templates
from tests.unit.api.conftest import RECIPE, TOKEN
from tests.unit.api.server import environment, serving, spar
from tests.unit.coordinator.stage import Stage

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stack"))
    (stage.folder / "recipe.yaml").write_text(RECIPE)
    with only_one(stage.database, COORDINATOR):
        yield stage
    stage.database.dispose()


@pytest.fixture(scope="module")
def api(stage: Stage) -> Iterator[str]:
    with serving(stage.folder) as url:
        yield url


@pytest.fixture(scope="module")
def run_id(stage: Stage, api: str) -> str:
    """A run submitted on the command line, in a separate process."""
    done = spar(stage.folder, api, "submit", "recipe.yaml", "--set", "seed=3")
    assert done.returncode == 0, done.stderr
    stage.coordinator.tick()
    return done.stdout.strip()


@pytest.fixture
def at_api(stage: Stage, api: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Gives this process the environment of a user's shell with access to the API."""
    for name, value in environment(stage.folder, SPAR_API_URL=api).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(stage.folder)
    return monkeypatch


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Shell = Callable[..., Ended]


@pytest.fixture
def shell(at_api: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs the command line in this process: a separate one would spend most of its time starting."""

    def call(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


def failing(stage: Stage) -> None:
    """End the steps in flight without a result."""
    while stage.broker.waiting("generation"):
        stage.fail(stage.take(), reason="DataError", retry=False)


def test_a_run_from_submit_to_cancel_and_on(stage: Stage, shell: Shell, run_id: str) -> None:
    output = shell("status", run_id).out
    assert f"run {run_id}: running, iteration 1 of 1" in output
    shown = json.loads(shell("status", "--json").out)
    assert shown["steps"][0]["in_flight"] == 3

    done = shell("cancel", run_id[:6])
    assert done.code == 0, done.err
    assert f"run {run_id} is being cancelled" in done.out
    stage.coordinator.tick()
    message = stage.take()
    stage.finish(message)
    for _ in range(2):
        stage.fail(stage.take())

    watched = shell("watch", run_id)
    assert watched.code == 130
    lines = watched.err.splitlines()
    assert lines[0] == f"run {run_id}"
    assert any(line.startswith("run cancelling") for line in lines)
    assert lines[-1] == f"Cancelled. What is done is kept: run `spar resume {run_id}` to resume."

    fetched = shell("report", run_id, "--out", "fetched")
    assert fetched.code == 0, fetched.err
    report = json.loads((stage.folder / "fetched" / "report.json").read_text())
    assert report["status"] == "cancelled"
    outcomes = report["iterations"][1]["outcomes"]
    assert {name: count for name, count in outcomes.items() if count} == {"cancelled": 2, "not_reached": 4}
    assert (stage.folder / "fetched" / "report.html").read_text().startswith("<!doctype html>")

    assert shell("resume", run_id).code == 0
    stage.coordinator.tick()
    assert "running" in shell("runs").out
    assert [run["run_id"] for run in json.loads(shell("runs", "--json").out)] == [run_id]


def test_the_profile_of_a_run_of_the_api(stage: Stage, shell: Shell, run_id: str) -> None:
    made = json.loads(shell("profile", run_id, "--json").out)
    assert made["run_id"] == run_id
    assert f"run {run_id}: active for " in shell("profile").out
    unknown = shell("profile", "nobody")
    assert (unknown.code, "There is no run 'nobody'." in unknown.err) == (2, True)


def test_watching_outlives_an_api_that_is_started_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with only_one(stage.database, COORDINATOR), serving(tmp_path, SPAR_API_PORT=port) as url:
        run = spar(tmp_path, url, "submit", "recipe.yaml").stdout.strip()
        stage.coordinator.tick()
        command = [sys.executable, "-u", "-m", "spar.cli.main", "watch", run]
        given = environment(tmp_path, SPAR_API_URL=url)
        watching = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=given)
        assert watching.stderr is not None
        heard = [watching.stderr.readline() for _ in range(3)]
        assert [line.split(" iteration=")[0].strip() for line in heard] == [
            f"run {run}",
            "run started",
            "iteration started",
        ]
    failing(stage)
    with only_one(stage.database, COORDINATOR), serving(tmp_path, SPAR_API_PORT=port):
        _, rest = watching.communicate(timeout=60)
    assert watching.returncode == 2  # nothing of the first shards could be used
    names = [line.split(" ")[0:2] for line in rest.splitlines()]
    with Session(stage.database) as session:
        events = [name.split("_") for name in session.exec(select(Event.name).order_by(Event.id))]  # type: ignore[arg-type]
    assert [name for name in names if name in events] == events[3:]  # nothing twice, nothing missed
    stage.database.dispose()


@pytest.mark.parametrize(
    ("arguments", "given", "code", "message"),
    [
        (["status"], {"SPAR_API_TOKEN": "a wrong token that is long"}, 3, "rejects the token"),
        (["status"], {"SPAR_API_TOKEN": ""}, 3, "No token is set for the API"),
        (["submit", "recipe.yaml"], {"SPAR_API_URL": ""}, 3, "No API address is given."),
        (["submit", "recipe.yaml"], {"SPAR_API_URL": "ftp://x"}, 3, "is not the address of an API"),
        (["runs"], {"SPAR_API_URL": "http://127.0.0.1:1"}, 3, "cannot be reached"),
        (["watch", "nobody"], {}, 2, "There is no run 'nobody'."),
        (["status", "nobody"], {}, 2, "There is no run 'nobody'."),
        (["cancel", "nobody"], {}, 2, "There is no run 'nobody'."),
        (["resume", "nobody"], {}, 2, "There is no run 'nobody'."),
        (["report", "nobody"], {}, 2, "There is no run 'nobody'."),
        (["submit", "recipe.yaml", "--set", "sead=1"], {}, 2, "Did you mean 'seed'?"),
        (["submit", "recipe.yaml", "--set", "models.actor=there"], {}, 2, "SPAR_API_ALLOW_PATHS"),
    ],
)
def test_what_is_wrong_is_reported(
    at_api: pytest.MonkeyPatch,
    arguments: list[str],
    given: dict[str, str],
    code: int,
    message: str,
    shell: Shell,
) -> None:
    for name, value in given.items():
        at_api.setenv(name, value)
    done = shell(*arguments)
    assert done.code == code
    assert message in done.err


def test_prompts_and_templates_travel_with_their_recipe(stage: Stage, api: str) -> None:
    folder = stage.folder / "mine"
    folder.mkdir()
    compact = builtin_templates("compact")
    (folder / "judge.txt").write_text(compact.judge)
    (folder / "refine.txt").write_text(compact.refine)
    (folder / "prompts.jsonl").write_text('{"prompt": "Write."}\nbroken\n{"prompt": "Sing."}\n')
    text = RECIPE.replace('source: "world:story", per_iteration: 6', "source: prompts.jsonl, per_iteration: 2")
    (folder / "r.yaml").write_text(text.replace("compact", ".").replace("name: test", "name: mine"))
    done = spar(stage.folder, api, "submit", "mine/r.yaml")
    assert done.returncode == 0, done.stderr
    assert "1 rows of the prompts file cannot be used; the first is line 2: not JSON" in done.stderr


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"SPAR_API_TOKEN": ""}, "has no token"),
        ({"SPAR_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/x"}, "PostgreSQL at 127.0.0.1:1/x"),
        ({"SPAR_API_HOST": "192.0.2.1", "SPAR_API_PORT": "9"}, "cannot listen on 192.0.2.1:9"),
    ],
)
def test_an_api_that_cannot_start_says_why(tmp_path: Path, given: dict[str, str], message: str) -> None:
    command = [sys.executable, "-m", "services.api.worker"]
    env = environment(tmp_path, **given)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 3
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert TOKEN not in done.stderr
