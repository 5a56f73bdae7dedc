"""A run's prompts and their replies over HTTP, and `spar explain` and `spar tree` that read them there."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from spar.db.engine import COORDINATOR, only_one
from spar.method.records import Generated, Prompt, ReplyFailure, Response
from spar.store.results import get_verified, put_result
from spar.store.rows import decode_rows, encode_rows
from tests.unit.api.server import serving, spar
from tests.unit.coordinator.stage import Stage

TEXT = "rain <b>rain</b> \x1b[31m"


@pytest.fixture
def prompts(stage: Stage, run_id: str) -> list[Prompt]:
    """Of the run's first shard, whose generation is done: each has one response, cut off."""
    message = stage.take()
    key = message["spec"]["prompts"]["key"]
    found = decode_rows(get_verified(stage.store, key), Prompt)[1]
    rows = [Generated(prompt, (Response(0, TEXT, ReplyFailure.CUT_OFF, "length"),)) for prompt in found]
    data = encode_rows(step="generate", fingerprint=message["fingerprint"], rows=rows)
    stage.finish(message, put_result(stage.store, message["fingerprint"], data).key)
    return found


def test_prompts_come_in_pages_in_their_order(client: TestClient, run_id: str, prompts: list[Prompt]) -> None:
    whole = client.get(f"/runs/{run_id}/prompts").json()
    assert [(entry["iteration"], entry["position"], entry["outcome"]) for entry in whole] == [
        (1, position, None) for position in range(6)
    ]
    assert [entry["prompt"]["id"] for entry in whole[:2]] == [prompt.id for prompt in prompts]
    assert client.get(f"/runs/{run_id}/prompts", params={"start": 2, "limit": 3}).json() == whole[2:5]
    assert client.get(f"/runs/{run_id}/prompts", params={"outcome": "tied"}).json() == []
    assert client.get(f"/runs/{run_id}/prompts", params={"iteration": 2}).json() == []


def test_every_reply_of_a_prompt_is_there(client: TestClient, run_id: str, prompts: list[Prompt]) -> None:
    [history] = client.get(f"/runs/{run_id}/replies", params={"prompt": prompts[1].id[:12]}).json()
    assert (history["position"], history["shard"], history["judged"]) == (1, 0, None)
    [response] = history["generated"]["responses"]
    assert response == {"index": 0, "text": TEXT, "failure": "cut_off", "finish_reason": "length"}


def test_a_prompt_that_is_not_there_says_how_to_list_them(client: TestClient, run_id: str) -> None:
    answer = client.get(f"/runs/{run_id}/replies", params={"prompt": "zzz"})
    assert answer.status_code == 404
    assert f"GET /runs/{run_id}/prompts" in answer.json()["fix"]


def test_explain_reads_the_api(stage: Stage, tmp_path: Path, run_id: str, prompts: list[Prompt]) -> None:
    with serving(tmp_path) as url:
        listed = spar(tmp_path, url, "explain", run_id)
        shown = spar(tmp_path, url, "explain", run_id, prompts[0].id)
        lines = spar(tmp_path, url, "explain", run_id, "--json")
        missing = spar(tmp_path, url, "explain", run_id, "zzz")
        unsearched = spar(tmp_path, url, "tree", run_id, prompts[0].id)
    assert listed.stdout.count("no outcome yet") == 6
    assert "response 0, cut_off (length): 'rain <b>rain</b> \\x1b[31m'" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert len(lines.stdout.splitlines()) == 6
    assert f"or spar explain {run_id}" in missing.stderr
    assert f"See why: spar explain {run_id} {prompts[0].id}" in unsearched.stderr


def test_a_run_that_a_coordinator_works_on_is_running(client: TestClient, run_id: str) -> None:
    assert client.get(f"/runs/{run_id}").json()["progress"]["status"] == "running"
    assert client.get(f"/runs/{run_id}").json()["next_step"] is None


def test_without_a_coordinator_it_is_interrupted_and_says_what_to_do(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    with only_one(stage.database, COORDINATOR):
        run_id = stage.submit()
    with serving(tmp_path) as url:
        status = spar(tmp_path, url, "status")
        listed = spar(tmp_path, url, "runs")
    assert f"run {run_id}: interrupted" in status.stdout
    assert "next: No coordinator is running" in status.stdout
    assert "interrupted" in listed.stdout
    stage.database.dispose()
