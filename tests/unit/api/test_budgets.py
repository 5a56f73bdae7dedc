"""A budget over HTTP: what is spent is told, and a stopped run goes on under a higher one."""

from fastapi.testclient import TestClient

from tests.unit.api.conftest import RECIPE
from tests.unit.coordinator.stage import Stage

YAML = {"Content-Type": "application/yaml"}


def test_a_stopped_run_goes_on_under_a_higher_budget(client: TestClient, stage: Stage) -> None:
    run_id = client.post("/runs", content=RECIPE + "budget: {calls: 4}\n", headers=YAML).json()["run_id"]
    stage.coordinator.tick()
    stage.finish(stage.take())
    stage.finish(stage.take())
    progress = client.get(f"/runs/{run_id}").json()["progress"]
    assert (progress["status"], progress["reason"]) == ("stopped", "budget: 4 of 4 calls")
    assert progress["burn"][0] == {"name": "calls", "spent": 4, "cap": 4, "estimated": 0.0}

    assert client.post(f"/runs/{run_id}/cancel").status_code == 409
    wrong = client.post(f"/runs/{run_id}/resume", json={"set": ["seed=3"]})
    assert wrong.status_code == 422
    assert "only budget.*" in wrong.json()["error"]
    assert client.post(f"/runs/{run_id}/resume", json={"set": ["budget.calls=100"]}).status_code == 202
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "queued"
    stage.coordinator.tick()
    progress = client.get(f"/runs/{run_id}").json()["progress"]
    assert (progress["status"], progress["burn"][0]["cap"]) == ("running", 100)
