"""The API keeps to its OpenAPI description, whatever it is sent: bounded fuzzing by schemathesis."""

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import BaseSchema, Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from services.api.app import make_app
from services.api.backend import Backend
from tests.unit.api.conftest import TOKEN

OPERATIONS = [
    "GET /health",
    "GET /ready",
    "GET /metrics",
    "GET /runs",
    "POST /runs",
    "GET /runs/{run_id}",
    "GET /runs/{run_id}/events",
    "GET /runs/{run_id}/report.json",
    "GET /runs/{run_id}/report.html",
    "GET /runs/{run_id}/profile",
    "GET /runs/{run_id}/prompts",
    "GET /runs/{run_id}/replies",
    "GET /runs/{run_id}/dead-letters",
    "POST /runs/{run_id}/dead-letters/replay",
    "POST /runs/{run_id}/dead-letters/drop",
    "POST /runs/{run_id}/cancel",
    "POST /runs/{run_id}/resume",
]
MORE_THAN_A_SCHEMA = ("POST /runs", "POST /runs/{run_id}/resume")


@pytest.fixture
def described(backend: Backend, run_id: str) -> BaseSchema:
    """An API that has a run."""
    return schemathesis.openapi.from_asgi("/openapi.json", make_app(backend))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_request_gets_an_answer_that_is_described(described: BaseSchema, run_id: str, operation: str) -> None:
    method, path = operation.split()

    # The live events of a run that is on have no end.
    has_run = "{run_id}" in path and not path.endswith("/events")

    @given(case=described[path][method].as_strategy(), known=st.booleans())
    @settings(
        max_examples=25,
        derandomize=True,  # a failure is everyone's, not that of one unlucky run
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: Case, known: bool) -> None:
        if known and has_run:
            case.path_parameters["run_id"] = run_id
        # What a recipe or a change of one has to be is more than a schema can say: a text that is none is refused.
        beyond = [positive_data_acceptance] if operation in MORE_THAN_A_SCHEMA else []
        case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=beyond)

    answers()


def test_every_operation_is_tried(anyone: TestClient) -> None:
    paths = anyone.get("/openapi.json").json()["paths"]
    assert {f"{kind.upper()} {path}" for path, kinds in paths.items() for kind in kinds} == set(OPERATIONS)
