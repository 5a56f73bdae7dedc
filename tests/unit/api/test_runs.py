"""Runs over HTTP: submit, list, progress, cancel, resume, dead letters, report."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from services.api.app import make_app
from services.api.backend import Backend
from spar.db.tables import Command, Run
from spar.messages.coordinator import StepTimings
from spar.messages.states import RunStatus
from spar.method.templates import builtin_templates
from spar.recipes.load import load_recipe
from spar.submission.prepare import run_id_of
from tests.unit.api.conftest import RECIPE
from tests.unit.coordinator.stage import Stage

YAML = {"Content-Type": "application/yaml"}
PROMPTS = "".join(json.dumps({"prompt": f"Write about {word}."}) + "\n" for word in ("rain", "sun", "snow"))
FROM_FILE = RECIPE.replace('source: "world:story", per_iteration: 6', "source: prompts.jsonl, per_iteration: 3")


def commands(stage: Stage) -> list[Command]:
    found: list[Command] = stage.rows(Command)
    return found


def test_a_submit_is_kept_before_it_is_answered_and_runs(client: TestClient, stage: Stage) -> None:
    answer = client.post("/runs", content=RECIPE, headers=YAML)
    assert answer.status_code == 202
    run_id = answer.json()["run_id"]
    assert answer.headers["Location"] == f"/runs/{run_id}"
    assert [command.payload["run_id"] for command in commands(stage)] == [run_id]
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "queued"
    stage.coordinator.tick()
    progress = client.get(f"/runs/{run_id}").json()["progress"]
    assert progress["status"] == "running"
    assert progress["steps"] == [
        {"iteration": 1, "kind": "generation", "total": 3, "done": 0, "in_flight": 3, "dead": 0}
    ]
    assert [run["run_id"] for run in client.get("/runs").json()] == [run_id]


def test_json_yaml_and_a_form_are_the_same_run(client: TestClient) -> None:
    as_json = {
        "name": "test",
        "iterations": 1,
        "models": {"actor": "hub:lab/actor@1", "refiner": "hub:lab/refiner@1"},
        "prompts": {"source": "world:story", "per_iteration": 6, "shard_size": 2},
        "templates": "compact",
    }
    answers = [
        client.post("/runs", content=RECIPE, headers=YAML),
        client.post("/runs", json=as_json),
        client.post("/runs", files={"recipe": ("r.yaml", RECIPE)}),
        client.post("/runs", files={"recipe": ("r.json", json.dumps(as_json), "application/json")}),
        client.post(
            "/runs",
            data={"recipe": RECIPE.replace("per_iteration: 6", "per_iteration: 7"), "set": "prompts.per_iteration=6"},
        ),
    ]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert len({answer.json()["run_id"] for answer in answers}) == 1


def test_a_built_in_recipe_has_the_id_that_it_has_on_the_command_line(client: TestClient) -> None:
    changes = ["seed=5", "prompts.per_iteration=4", "models.actor=hub:lab/a@1", "models.refiner=hub:lab/r@1"]
    answer = client.post("/runs", data={"recipe": "extends: demo", "set": changes})
    assert answer.json()["run_id"] == run_id_of(load_recipe("demo", changes))


def test_prompts_come_along_as_a_file(client: TestClient, stage: Stage) -> None:
    files = {"recipe": ("r.yaml", FROM_FILE), "prompts": ("mine.jsonl", PROMPTS + "broken\n")}
    answer = client.post("/runs", files=files)
    assert answer.status_code == 202, answer.text
    assert answer.json()["rejected"] == 1
    assert answer.json()["rejects"][0]["line"] == 4
    stage.coordinator.tick()
    assert stage.broker.waiting("generation") == 2
    assert stage.run_row().recipe["prompts"]["source"] == "uploaded:mine.jsonl"


def test_templates_come_along_as_files(client: TestClient, stage: Stage) -> None:
    compact = builtin_templates("compact")
    files = {"recipe": ("r", RECIPE), "judge": ("a", compact.judge), "refine": ("b", compact.refine)}
    answer = client.post("/runs", files=files)
    assert answer.status_code == 202, answer.text
    stage.coordinator.tick()
    assert stage.run_row().recipe["templates"] == "uploaded"
    assert stage.run_row().status is RunStatus.RUNNING


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (RECIPE.replace("iterations", "iteration"), "Did you mean 'iterations'?"),
        (RECIPE.replace("hub:lab/actor@1", "/etc"), "SPAR_API_ALLOW_PATHS"),
        (RECIPE.replace("hub:lab/actor@1", "hub:lab/actor"), "names no revision"),
        (RECIPE.replace("world:story", "/etc/passwd"), "Send the file along as `prompts`."),
        (RECIPE.replace("compact", "/etc"), "Send its files along"),
        (RECIPE.replace("per_iteration: 6", "per_iteration: 600000000"), "Lower iterations"),
        ("a: [", "not YAML"),
        ("", "is empty"),
        ("[" * 5000, "nested deeper than"),
    ],
)
def test_a_recipe_that_cannot_be_run_is_refused_and_nothing_is_kept(
    client: TestClient, stage: Stage, recipe: str, told: str
) -> None:
    answer = client.post("/runs", content=recipe, headers=YAML)
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "fix"}
    assert told in answer.json()["error"] + answer.json()["fix"]
    assert commands(stage) == []


def test_model_folders_are_taken_where_the_api_allows_them(backend: Backend, stage: Stage) -> None:
    model = stage.folder / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    settings = backend.settings.model_copy(update={"allow_paths": True})
    token = settings.token.get_secret_value()
    with TestClient(make_app(replace(backend, settings=settings))) as client:
        recipe = RECIPE.replace("hub:lab/actor@1", str(model))
        answer = client.post("/runs", content=recipe, headers={**YAML, "Authorization": f"Bearer {token}"})
    assert answer.status_code == 202, answer.text


def test_a_request_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post("/runs", files={"recipe": RECIPE, "prompts": "x" * 200_000})
    assert answer.status_code == 413
    assert "SPAR_API_MAX_UPLOAD_BYTES" in answer.json()["fix"]


def test_other_content_types_and_parts_are_refused(client: TestClient) -> None:
    assert client.post("/runs", content=b"x", headers={"Content-Type": "image/png"}).status_code == 415
    assert client.post("/runs", files={"recipe": RECIPE, "recipes": "x"}).status_code == 422
    assert client.post("/runs", files={"prompts": "x"}).status_code == 422


def test_an_idempotency_key_makes_a_repeat_harmless(client: TestClient, stage: Stage) -> None:
    headers = {**YAML, "Idempotency-Key": "one"}
    answers = [client.post("/runs", content=RECIPE, headers=headers) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {202}
    assert len(commands(stage)) == 1
    other = client.post("/runs", content=RECIPE + "seed: 2\n", headers=headers)
    assert other.status_code == 409
    assert client.post("/runs", content=RECIPE, headers={**YAML, "Idempotency-Key": "a b"}).status_code == 422


def test_cancel_drains_and_resume_goes_on(client: TestClient, stage: Stage, run_id: str) -> None:
    message = stage.take()
    assert client.post(f"/runs/{run_id}/cancel").json()["command"] == "cancel"
    stage.coordinator.tick()
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "cancelling"
    stage.finish(message)
    for _ in range(2):
        stage.fail(stage.take())
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "cancelled"
    assert client.post(f"/runs/{run_id}/resume").status_code == 202
    # Who looks before it is taken must not take the old end for the new one.
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "queued"
    stage.coordinator.tick()
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "running"


@pytest.mark.parametrize("what", ["cancel", "resume"])
def test_a_finished_run_can_be_neither_cancelled_nor_resumed(
    client: TestClient, stage: Stage, run_id: str, what: str
) -> None:
    with Session(stage.database) as session:
        session.exec(select(Run)).one().status = RunStatus.FINISHED
        session.commit()
    answer = client.post(f"/runs/{run_id}/{what}")
    assert answer.status_code == 409
    assert "is finished" in answer.json()["error"]


def test_dead_letters_are_listed_and_replayed(client: TestClient, stage: Stage, run_id: str) -> None:
    message = stage.take()
    path = f"/runs/{run_id}/dead-letters"
    assert client.post(f"{path}/replay").status_code == 409
    stage.fail(message, reason="DataError", retry=False)
    [letter] = client.get(path).json()
    assert (letter["step"], letter["kind"], letter["part"]) == (message["step_id"], "generation", "0")
    assert letter["reason"] == "DataError: why"
    assert client.post(f"{path}/replay", json=[letter["step"], 999]).status_code == 409
    assert client.post(f"{path}/replay", json=[letter["step"]]).status_code == 202
    stage.coordinator.tick()
    assert client.get(path).json() == []
    assert stage.broker.waiting("generation") == 3


def test_dead_letters_are_dropped(client: TestClient, stage: Stage, run_id: str) -> None:
    message = stage.take()
    path = f"/runs/{run_id}/dead-letters"
    assert client.post(f"{path}/drop").status_code == 409
    stage.fail(message, reason="DataError", retry=False)
    assert client.post(f"{path}/drop", json=[999]).status_code == 409
    assert client.post(f"{path}/drop", json=[message["step_id"]]).status_code == 202
    stage.coordinator.tick()
    [letter] = client.get(path).json()
    assert letter["dropped"]
    assert client.post(f"{path}/replay").status_code == 409  # all that are dead were dropped
    assert client.post(f"{path}/replay", json=[letter["step"]]).status_code == 202


def test_past_the_bound_of_dead_shards_the_run_fails_and_is_resumed_with_them(client: TestClient, stage: Stage) -> None:
    bounded = {"set": ["failures.canary=false", "failures.dead_shards=0.4", "seed=5"]}
    run = client.post("/runs", data={"recipe": RECIPE, **bounded}).json()["run_id"]
    stage.coordinator.tick()
    stage.fail(stage.take(), reason="DataError", retry=False)
    assert client.get(f"/runs/{run}").json()["progress"]["status"] == "running"
    stage.fail(stage.take(), reason="DataError", retry=False)
    progress = client.get(f"/runs/{run}").json()["progress"]
    assert (progress["status"], progress["end"]["reason"]) == ("failed", "dead_steps")
    assert progress["end"]["fix"]
    assert len(client.get(f"/runs/{run}/dead-letters").json()) == 2
    assert client.post(f"/runs/{run}/resume", json={"set": ["failures.dead_shards=1"]}).status_code == 202
    stage.coordinator.tick()
    assert client.get(f"/runs/{run}").json()["progress"]["status"] == "running"
    assert client.get(f"/runs/{run}/dead-letters").json() == []


def test_the_report_is_there_at_any_time(client: TestClient, run_id: str) -> None:
    report: dict[str, Any] = client.get(f"/runs/{run_id}/report.json").json()
    assert (report["run"], report["status"], report["iterations"][1]["prompts"]) == (run_id, "running", 6)
    page = client.get(f"/runs/{run_id}/report.html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert run_id in page.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/runs/nobody"),
        ("GET", "/runs/nobody/events"),
        ("GET", "/runs/nobody/report.json"),
        ("GET", "/runs/nobody/report.html"),
        ("GET", "/runs/nobody/profile"),
        ("GET", "/runs/nobody/dead-letters"),
        ("POST", "/runs/nobody/cancel"),
        ("POST", "/runs/nobody/resume"),
        ("POST", "/runs/nobody/dead-letters/replay"),
        ("POST", "/runs/nobody/dead-letters/drop"),
    ],
)
def test_an_unknown_run_is_told(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"] == "There is no run 'nobody'."


def test_a_profile_of_what_has_ended_so_far(client: TestClient, stage: Stage, run_id: str) -> None:
    measured = stage.finished(stage.take()).model_copy(
        update={"seconds": 2.0, "timings": StepTimings(engine_s=1.5, store_s=0.25)}
    )
    stage.report(measured)
    stage.finish(stage.take())  # of a worker that measures nothing
    profile: dict[str, Any] = client.get(f"/runs/{run_id}/profile").json()
    [generation] = profile["kinds"]
    assert (profile["run_id"], generation["kind"], generation["steps"]) == (run_id, "generation", 2)
    running = generation["running"]
    assert (running["engine_s"], running["store_s"], running["own_s"]) == (1.5, 0.25, 0.25)
    assert running["unknown_s"] > 0
    assert profile["unfinished"] == 3
    assert profile["workers"][0]["wall_s"] == profile["active_s"]
