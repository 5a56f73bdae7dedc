"""Who may ask what: the token, the dashboard's cookie, what is open to all; and how refusals look."""

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlmodel import Session, select
from structlog.testing import capture_logs

from services.api.settings import ApiSettings
from services.api.worker import PORT_TAKEN
from spar.db.tables import Run
from spar.errors import ServiceError
from spar.runtime.http import bind
from tests.unit.api.conftest import RECIPE, TOKEN
from tests.unit.coordinator.stage import Stage

PROTECTED = [
    "/runs",
    "/runs/x",
    "/runs/x/events",
    "/runs/x/report.json",
    "/runs/x/profile",
    "/runs/x/dead-letters",
    "/metrics",
]


@pytest.mark.parametrize("path", PROTECTED)
@pytest.mark.parametrize("token", ["", "Bearer wrong", "Bearer ", "Basic abc", f"Bearer {TOKEN}x", "Bearer ÿ"])
def test_without_the_token_nothing_is_told(anyone: TestClient, path: str, token: str) -> None:
    answer = anyone.get(path, headers={"Authorization": token.encode()} if token else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "SPAR_API_TOKEN" in answer.json()["fix"]


def test_without_the_token_nothing_is_changed(anyone: TestClient, stage: Stage) -> None:
    for path in ("/runs", "/runs/x/cancel", "/runs/x/resume", "/runs/x/dead-letters/replay"):
        assert anyone.post(path, content=RECIPE).status_code == 401


def test_the_api_does_not_start_without_a_token() -> None:
    for token in ("", "short"):
        with pytest.raises(ServiceError, match="SPAR_API_TOKEN"):
            ApiSettings(token=SecretStr(token)).check()


def test_a_port_in_use_is_told() -> None:
    with bind("127.0.0.1", 0, "The API", PORT_TAKEN) as taken, pytest.raises(ServiceError, match="SPAR_API_PORT"):
        bind("127.0.0.1", taken.getsockname()[1], "The API", PORT_TAKEN)


def test_the_dashboard_wants_a_login(anyone: TestClient) -> None:
    assert anyone.get("/").headers["Location"] == "/login"
    assert 'name="token"' in anyone.get("/login").text
    refused = anyone.post("/login", data={"token": "wrong"})
    assert refused.status_code == 401
    assert "That is not the API's token" in refused.text
    assert "Set-Cookie" not in refused.headers


def test_the_cookie_reads_and_changes_nothing(anyone: TestClient) -> None:
    answer = anyone.post("/login", data={"token": TOKEN})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert anyone.get("/").status_code == 200
    assert anyone.get("/runs").json() == []
    assert anyone.post("/runs", content=RECIPE).status_code == 401
    assert anyone.get("/runs", headers={"Authorization": "Bearer wrong"}).status_code == 401
    anyone.post("/logout")
    assert anyone.get("/").status_code == 303


def test_the_dashboard_escapes_and_loads_only_its_own(client: TestClient, run_id: str) -> None:
    client.post("/login", data={"token": TOKEN})
    page = client.get("/", params={"run": "<script>alert(1)</script>"})
    assert "<script>alert" not in page.text
    assert run_id in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for asset in ("/assets/dashboard.css", "/assets/dashboard.js"):
        assert asset in page.text
        assert client.get(asset).status_code == 200
    assert client.get("/assets/../worker.py").status_code == 404


def test_health_is_open_and_ready_says_what_is_missing(anyone: TestClient, stage: Stage) -> None:
    assert anyone.get("/health").json() == {"status": "ok"}
    assert anyone.get("/ready").json() == {"database": "ok", "store": "ok", "runs": "ok"}
    with stage.database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    answer = anyone.get("/ready")
    assert answer.status_code == 503
    assert "newer version" in answer.json()["database"]


def test_ready_says_which_causes_keep_runs_from_going_on(anyone: TestClient, stage: Stage) -> None:
    stage.submit()
    with Session(stage.database) as session:
        run = session.exec(select(Run)).one()
        run.stuck = {
            "cause": "no_worker",
            "what": "no worker consumes judgment",
            "fix": "",
            "since": "2026-01-01T00:00Z",
        }
        session.add(run)
        session.commit()
    answer = anyone.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["runs"] == "1 stuck: no_worker; see `spar status`"
    figures = anyone.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).text
    assert 'spar_runs_stuck{cause="no_worker"} 1.0' in figures
    assert 'spar_runs{status="stuck"} 1.0' in figures
    assert 'spar_runs{status="running"} 0.0' in figures


def test_refusals_of_the_framework_look_like_ours(client: TestClient) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/runs", 405)):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "fix"}
    answer = client.get("/runs/x/events", headers={"Last-Event-ID": "minus one"})
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "fix"}


def test_a_crash_tells_nothing_of_the_inside(client: TestClient, stage: Stage) -> None:
    with stage.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE run RENAME COLUMN recipe TO secret")
    with capture_logs() as logs:
        answer = client.get("/runs")
    assert [log["event"] for log in logs] == ["request_crashed"]
    assert answer.status_code == 500
    assert answer.json()["error"] == "The API failed; nothing was changed."
    with stage.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE run RENAME COLUMN secret TO recipe")


def test_every_response_says_how_it_may_be_used(client: TestClient) -> None:
    answer = client.get("/runs")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
