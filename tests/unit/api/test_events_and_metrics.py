"""Live events, resumed where they were left; and the figures for Prometheus."""

import json
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from services.api.backend import Backend
from services.api.routes.metrics import run_counts
from tests.unit.coordinator.stage import Stage


@dataclass(frozen=True)
class Received:
    id: str | None
    name: str
    data: Any


def listen(client: TestClient, run_id: str, last: str | None = None, follow: bool = False) -> list[Received]:
    """Everything until the stream ends."""
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = client.get(f"/runs/{run_id}/events", params={"follow": follow}, headers=headers)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    return [read(block) for block in answer.text.split("\n\n") if block.strip()]


def read(block: str) -> Received:
    fields = dict(line.split(": ", 1) for line in block.splitlines())
    return Received(fields.get("id"), fields["event"], json.loads(fields["data"]))


def test_events_come_in_order_with_progress_last(client: TestClient, run_id: str) -> None:
    received = listen(client, run_id)
    assert [each.data["name"] for each in received[:-1]] == ["run_queued", "run_started", "iteration_started"]
    assert [each.name for each in received] == ["happened"] * 3 + ["progress"]
    assert received[-1].data["progress"]["status"] == "running"
    assert received[-1].id is None


def test_a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice(
    client: TestClient, stage: Stage, run_id: str
) -> None:
    first = listen(client, run_id)
    stage.fail(stage.take(), reason="DataError", retry=False)
    last = first[-2].id
    assert last is not None
    again = listen(client, run_id, last)
    assert [each.data["name"] for each in again[:-1]] == ["attempt_failed", "step_failed"]
    assert all(int(each.id or 0) > int(last) for each in again[:-1])
    whole = listen(client, run_id)
    assert [each.id for each in whole[:-1]] == [each.id for each in first[:-1] + again[:-1]]


def test_the_stream_of_a_run_that_has_ended_ends(client: TestClient, stage: Stage, run_id: str) -> None:
    client.post(f"/runs/{run_id}/cancel")
    for _ in range(3):
        stage.fail(stage.take(), reason="DataError", retry=False)
    received = listen(client, run_id, follow=True)
    assert received[-1].name == "ended"
    assert received[-1].data["progress"]["status"] == "failed"


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_queues_steps_tokens_and_workers(client: TestClient, stage: Stage, run_id: str) -> None:
    stage.finish(stage.take())
    found = figures(client)
    assert found["spar_queue_depth", "generation"] == 2
    assert found["spar_queue_depth", "judgment"] == 1
    assert found["spar_broker_up",] == 1
    assert found["spar_coordinator_up",] == 1
    assert found["spar_runs", "running"] == 1
    assert found["spar_steps", "generation", "done"] == 1
    assert found["spar_steps", "generation", "dispatched"] == 2
    assert found["spar_steps_done_total", "generation", "w"] == 1
    assert found["spar_step_seconds_total", "generation", "w"] == 1.0
    assert found["spar_calls_total", "generation", "w"] == 2
    assert found["spar_prompt_tokens_total", "generation", "w"] == 3
    assert found["spar_completion_tokens_total", "generation", "w"] == 4


def test_metrics_say_that_the_broker_is_away(client: TestClient, stage: Stage, run_id: str) -> None:
    stage.broker.away = True
    assert figures(client)["spar_broker_up",] == 0
    stage.broker.away = False


def test_metrics_say_that_no_coordinator_is_at_work(backend: Backend, run_id: str) -> None:
    with backend.session() as session:
        found = {
            (sample.name, *sample.labels.values()): sample.value
            for family in run_counts(session, at_work=False)
            for sample in family.samples
        }
    assert found["spar_coordinator_up",] == 0
    assert found["spar_runs", "interrupted"] == 1
