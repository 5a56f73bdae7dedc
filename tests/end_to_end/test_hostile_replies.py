"""A server that mixes junk into its replies: only those replies are lost. In one process, and on PostgreSQL and S3."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import Session

from spar.messages.states import RunStatus, StepState
from spar.report.build import build_report
from tests import servers
from tests.end_to_end.simulated import report_of, run, steps_of
from tests.integration.stack import stack

pytestmark = pytest.mark.end_to_end

PROMPTS = 12
PROVEN = 12
"""Requests served well, so that every worker has had one; servers that never send a completion fail differently."""


def spoiled(body: bytes, number: int) -> bytes:
    """Every third reply is junk, of each kind in turn."""
    kinds = (
        lambda: with_text(body, "\x00 in the middle"),
        lambda: with_text(body, "half a pair \ud83d"),
        lambda: with_text(body, "much " * (3 << 20)),
        lambda: with_text(body, None),
        lambda: body.replace(b'"content": "', b'"content": "\x00\xff'),
        lambda: b"<html>not JSON</html>",
        lambda: b"[" * 100_000,
    )
    return body if number < PROVEN or number % 3 else kinds[number // 3 % len(kinds)]()


def with_text(body: bytes, text: str | None) -> bytes:
    reply: dict[str, Any] = json.loads(body)
    for choice in reply["choices"]:
        choice["message"] = None if text is None else {"role": "assistant", "content": text}
    return json.dumps(reply).encode()


@pytest.fixture
def hostile(instant: str) -> Iterator[str]:
    numbers = count()

    class Spoiling(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            request = urllib.request.Request(
                instant + self.path.removeprefix("/v1"), request, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=60) as reply:
                body = spoiled(reply.read(), next(numbers))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Discard the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Spoiling)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture
def recipe(hostile: str, tmp_path: Path) -> Path:
    rows = [{"prompt": f"Write a note on river {number} in {number} words."} for number in range(1, PROMPTS + 1)]
    broken = ['{"prompt": "a \\u0000"}', '{"prompt": "\\ud800"}']
    (tmp_path / "prompts.jsonl").write_text("".join(line + "\n" for line in [*broken, *map(json.dumps, rows)]))
    path = tmp_path / "recipe.yaml"
    written = {
        "extends": "endpoint",
        "name": "hostile",
        "models": {"actor": "served:simulated", "refiner": "served:simulated"},
        "engine": {"url": hostile},
        "prompts": {"source": str(tmp_path / "prompts.jsonl"), "per_iteration": PROMPTS, "shard_size": 4},
    }
    path.write_text(yaml.safe_dump(written))
    return path


def check(report: dict[str, Any]) -> None:
    [only] = [each for each in report["iterations"] if each["prompts"]]
    assert sum(only["outcomes"].values()) == PROMPTS
    assert "engine_failed" not in {name for name, number in only["outcomes"].items() if number}


def test_in_one_process(recipe: Path, tmp_path: Path) -> None:
    done = run(["run", recipe, "--dir", tmp_path / "home"])
    assert done.returncode == 0, done.stderr
    check(report_of(tmp_path / "home"))
    steps = steps_of(tmp_path / "home")
    assert {step.state for step in steps} == {StepState.DONE}
    counts = [step.facts.get("counts", {}) for step in steps]
    assert sum(each.get("reply_unparsable", 0) for each in counts) > 0


def test_over_postgres(
    recipe: Path, tmp_path: Path, redis_server: servers.RedisServer, new_postgres_url: str, s3: servers.S3Server
) -> None:
    redis_server.flush()
    with stack(tmp_path, redis_server.url, new_postgres_url, s3) as running:
        running.start("coordinator", "generation", "judgment", "refinement", "training")
        run_id = running.submit(recipe)
        assert running.wait(run_id).status is RunStatus.FINISHED
        with Session(running.database) as session:
            check(build_report(session, running.store, run_id).model_dump(mode="json"))
