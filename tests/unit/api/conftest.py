"""The API over SQLite and a directory, with a real coordinator, a recording broker and a worker played by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from services.api.app import make_app
from services.api.backend import Backend
from services.api.settings import ApiSettings
from spar.db.engine import COORDINATOR, only_one
from tests.unit.coordinator.stage import Stage

TOKEN = "a token that tests use"
RECIPE = """
name: test
iterations: 1
models: {actor: "hub:lab/actor@1", refiner: "hub:lab/refiner@1"}
prompts: {source: "world:story", per_iteration: 6, shard_size: 2}
templates: compact
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    with only_one(stage.database, COORDINATOR):
        yield stage
    stage.check_counters()
    stage.database.dispose()


@pytest.fixture
def backend(stage: Stage) -> Backend:
    settings = ApiSettings(token=SecretStr(TOKEN), max_upload_bytes=100_000)
    return Backend(stage.database, stage.store, stage.broker, settings)


@pytest.fixture
def anyone(backend: Backend) -> Iterator[TestClient]:
    """A client without a token; what crashes inside is a 500, as for a real one."""
    with TestClient(make_app(backend), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(anyone: TestClient) -> TestClient:
    anyone.headers["Authorization"] = f"Bearer {TOKEN}"
    return anyone


@pytest.fixture
def run_id(client: TestClient, stage: Stage) -> str:
    """A run that is on."""
    answer = client.post("/runs", content=RECIPE, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 202, answer.text
    stage.coordinator.tick()
    return str(answer.json()["run_id"])
