"""The health check: fast, and able to say no."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from celery.signals import heartbeat_sent

from spar.runtime import health


def test_a_worker_that_never_connected_is_not_well(tmp_path: Path) -> None:
    assert "has not been connected" in (health.trouble_with_file(tmp_path / "alive", 0.0) or "")


def test_a_worker_that_lost_its_broker_is_not_well(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    path.touch()
    touched = path.stat().st_mtime
    assert health.trouble_with_file(path, touched + health.OLD_S) is None
    assert "is not connected" in (health.trouble_with_file(path, touched + health.OLD_S + 1) or "")


def test_a_file_of_an_earlier_worker_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "alive"
    path.touch()
    health.touch_while_connected(path, lambda: 0.0)
    assert not path.exists()


@pytest.mark.parametrize(("silent_s", "well"), [(0.0, True), (health.OLD_S + 1, False)])
def test_a_worker_whose_threads_stand_still_is_not_well_though_it_is_connected(
    tmp_path: Path, silent_s: float, well: bool
) -> None:
    path = tmp_path / "alive"
    health.touch_while_connected(path, lambda: silent_s)
    heartbeat_sent.send(sender=None)  # as Celery does, on a thread that does none of the work
    assert path.exists() is well


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_a_page_is_well_when_it_says_so(status: int, well: bool) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests print nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        trouble = health.trouble_with_url(f"http://127.0.0.1:{server.server_port}/ready")
        serving.join()
    assert (trouble is None) is well


def test_it_ends_with_the_reason(tmp_path: Path) -> None:
    environment = {health.ALIVE_FILE: str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "spar.runtime.health"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "has not been connected" in done.stderr


def test_it_loads_nothing_that_takes_time() -> None:
    code = "import sys, spar.runtime.health; print([m for m in ('celery', 'pydantic', 'kombu') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
