"""`spar prompts evolve --stack` on real Redis, S3 and generation workers, and its recovery from failures."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spar.cli.main import main
from spar.runtime.broker import EPOCH_KEY
from spar.testing.process import INSTANT, server_process
from tests import servers
from tests.integration.stack import PATIENCE_S, Stack, stack

pytestmark = pytest.mark.end_to_end

SEEDS = 64


@dataclass
class Evolving:
    """A stack with generation workers only, seed prompts, and the command."""

    stack: Stack
    folder: Path
    redis: servers.RedisServer

    def command(self, teacher: str, out: str, *options: str) -> list[str]:
        seeds = str(self.folder / "seeds.jsonl")
        base = ["prompts", "evolve", seeds, "--teacher", teacher, "--model", "simulated", "--yes"]
        return [sys.executable, "-m", "spar.cli.main", *base, "--out", str(self.folder / out), *options]

    def begin(self, teacher: str, out: str, *options: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, **self.stack.environment}
        command = self.command(teacher, out, *options)
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=self.folder)

    def evolve(self, teacher: str, out: str, *options: str) -> tuple[int, str]:
        with self.begin(teacher, out, *options) as process:
            _, output = process.communicate(timeout=PATIENCE_S)
        return process.returncode, " ".join(output.split())

    def wait(self, seen: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            assert process.poll() is None, "it ended before what was waited for"
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def reported(self) -> int:
        return len(list(self.stack.store.keys("reports")))

    def kept(self) -> dict[str, list[str]]:
        """The workers whose reports are in the store, by fingerprint."""
        found: dict[str, list[str]] = {}
        for key in self.stack.store.keys("reports"):
            report = json.loads(self.stack.store.get(key))
            found.setdefault(report["fingerprint"], []).append(report["worker"])
        return found

    def output(self, out: str) -> list[bytes]:
        return [(self.folder / out / name).read_bytes() for name in ("evolved.jsonl", "rejects.jsonl")]

    def manifest(self, out: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / out / "manifest.json").read_text(encoding="utf-8"))
        return found

    def reply_queues(self) -> dict[str, int]:
        """The reply queues in Redis, with the seconds until they expire."""
        with self.redis.client() as client:
            return {key.decode(): client.ttl(key) for key in client.keys("replies.*")}


@pytest.fixture
def evolving(tmp_path: Path, redis_server: servers.RedisServer, s3: servers.S3Server) -> Iterator[Evolving]:
    redis_server.flush()
    rows = [{"prompt": f"Write about lamp {number} and the river.", "id": number} for number in range(SEEDS)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # No table is read or written, so any database will do.
    with stack(tmp_path, redis_server.url, f"sqlite:///{tmp_path}/unused.db", s3) as made:
        bucket = f"evolve-{uuid.uuid4().hex}"  # for this test alone: results of others would be found
        made.store, made.environment["SPAR_S3_BUCKET"] = s3.store(bucket), bucket
        made.environment["SPAR_THREADS"] = "2"  # too few for one worker to take everything
        yield Evolving(made, tmp_path, redis_server)


def test_killed_workers_a_killed_command_and_an_emptied_redis_cost_what_was_in_flight(evolving: Evolving) -> None:
    with server_process("--step-base", "0.01") as teacher:
        assert evolving.evolve(teacher, "here")[0] == 0  # in one process
        evolving.stack.environment["SPAR_LEASE_S"] = "8"  # a busy machine is not a dead worker
        evolving.stack.start("generation")
        with evolving.begin(teacher, "there", "--stack", "--window", "64") as first:
            evolving.wait(lambda: evolving.reported() >= 2, first)
            evolving.stack.kill("generation")  # while it holds steps
            assert first.stderr is not None
            lines = iter(first.stderr.readline, "")
            assert any("its worker stopped responding; it gets another attempt" in line for line in lines)
            first.kill()
        kept = evolving.kept()
        assert not (evolving.folder / "there" / "manifest.json").exists()

        evolving.stack.start("generation.2")  # it starts with what the killed command had sent
        with evolving.begin(teacher, "there", "--stack", "--window", "64") as second:
            evolving.wait(lambda: evolving.reported() >= len(kept) + 2, second)
            evolving.redis.restart(lose_data=True)
            _, output = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 0, output
    assert evolving.output("there") == evolving.output("here")
    assert evolving.manifest("there")["taken"] == evolving.manifest("here")["taken"]
    assert all(workers == kept[name] for name, workers in evolving.kept().items() if name in kept), "made again"
    assert all(0 < seconds <= 3600 for seconds in evolving.reply_queues().values())


def test_two_workers_share_the_work_and_another_host_finds_the_results(evolving: Evolving) -> None:
    evolving.stack.environment |= {"SPAR_LEASE_S": "90", "SPAR_LOST_S": "30"}
    evolving.stack.start("generation", "generation.2")
    with server_process(*INSTANT, "--api-key", "secret") as teacher:
        code, output = evolving.evolve(teacher, "one", "--stack")
    assert code == 3
    assert "Worker generation" in output
    assert "SPAR_ENGINE_API_KEY" in output
    assert "environment of every generation worker" in output
    with server_process("--step-base", "0.005") as teacher:
        assert evolving.evolve(teacher, "one", "--stack")[0] == 0
    by_worker = Counter(worker for workers in evolving.kept().values() for worker in workers)
    assert set(by_worker) == {"generation", "generation.2"}
    assert by_worker.total() == 2 * SEEDS / 16
    for name in list(evolving.stack.processes):
        evolving.stack.kill(name, signal.SIGTERM)
    # No teacher or worker is left, and none is needed.
    assert evolving.evolve("http://127.0.0.1:9/v1", "two", "--stack")[0] == 0
    assert evolving.output("two") == evolving.output("one")
    assert evolving.manifest("two")["taken"] == evolving.manifest("one")["taken"]
    left = evolving.reply_queues()  # replies to the rejected command, which had exited
    assert len(left) <= 1
    assert all(0 < seconds <= 3600 for seconds in left.values())
    with evolving.redis.client() as client:
        assert client.llen("coordinator") == 0  # the runs' coordinator receives no report of it
        assert client.get(EPOCH_KEY) is None  # nor is a loss hidden from it


@pytest.mark.usefixtures("logging_as_before")
def test_an_unreachable_broker_is_reported_before_the_teacher_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seeds.jsonl").write_text('{"prompt": "Write about the river."}\n', encoding="utf-8")
    monkeypatch.setenv("SPAR_STORE_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("SPAR_BROKER_URL", f"redis://127.0.0.1:{servers.free_port()}/0")
    arguments = ["prompts", "evolve", str(tmp_path / "seeds.jsonl"), "--out", str(tmp_path / "out")]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--teacher", "http://127.0.0.1:9/v1", "--model", "m", "--stack"])
    assert end.value.code == 3
    assert "message broker cannot be reached" in " ".join(capsys.readouterr().err.split())
