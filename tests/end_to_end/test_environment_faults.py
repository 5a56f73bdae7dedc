"""Environment failures are not failures of the data: a temporary one costs nothing, a permanent one stops the run,
which the same command resumes. Either way the bytes are those of the undisturbed run."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, create_engine, select

from spar.db.tables import Event
from spar.engines.openai_refusals import TRANSIENT
from tests.end_to_end.faulty import FaultySwitch, faulty_server
from tests.end_to_end.simulated import PATIENCE_S, report_of, run, start

pytestmark = pytest.mark.end_to_end

PROMPTS, SHARD = 60, 4
BEFORE = 120
"""Requests served before the fault: past the canary, amid the shards."""
LASTS_S = 8.0
MOST_MENTIONS = 3
"""How often an error appears in the output of a command that it ends: for the first step, the alarm and the end."""


@pytest.fixture(scope="module")
def switch() -> Iterator[FaultySwitch]:
    with faulty_server(FaultySwitch()) as served:
        yield served


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, switch: FaultySwitch) -> bytes:
    """The results of the undisturbed run."""
    return Runs(tmp_path_factory.mktemp("undisturbed"), switch.url).undisturbed()


class Runs:
    """The same recipe with the same server, in one home after another."""

    def __init__(self, folder: Path, url: str) -> None:
        rows = [{"prompt": f"Write a note on river {number} in {number} words."} for number in range(1, PROMPTS + 1)]
        (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.folder, self.url = folder, url

    def command(self, home: str, **more: Any) -> list[str | Path]:
        settings = {
            "models.actor": "served:simulated",
            "models.refiner": "served:simulated",
            "engine.url": self.url,
            "prompts.source": self.folder / "prompts.jsonl",
            "prompts.per_iteration": PROMPTS,
            "prompts.shard_size": SHARD,
            **more,
        }
        given: list[str | Path] = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        return ["run", "endpoint", *given, "--dir", self.folder / home]

    def pairs(self, home: str) -> bytes:
        out = self.folder / f"{home}-out"
        exported = run(["export", self.folder / home, "--format", "trl", "--out", out])
        assert exported.returncode == 0, exported.stderr
        return (out / "pairs.jsonl").read_bytes() + (out / "examples.jsonl").read_bytes()

    def events(self, home: str) -> list[str]:
        engine = create_engine(f"sqlite:///{self.folder / home / 'spar.db'}")
        try:
            with Session(engine) as session:
                return list(session.exec(select(Event.name)))
        finally:
            engine.dispose()

    def undisturbed(self) -> bytes:
        done = run(self.command("undisturbed"))
        assert done.returncode == 0, done.stderr
        return self.pairs("undisturbed")

    def lost(self, home: str) -> int:
        return int(report_of(self.folder / home)["iterations"][1]["outcomes"]["engine_failed"])


@pytest.fixture
def runs(tmp_path: Path, switch: FaultySwitch, wanted: bytes) -> Runs:
    switch.heal()
    return Runs(tmp_path, switch.url)


def fault(switch: FaultySwitch, status: int) -> None:
    switch.status, switch.fails_from, switch.served, switch.refused = status, BEFORE, 0, 0


# The other statuses are kinds of `make faults`.
@pytest.mark.parametrize("status", [401, 413, 503])
def test_a_fault_that_heals_costs_nothing_and_is_one_alarm(
    runs: Runs, switch: FaultySwitch, wanted: bytes, status: int
) -> None:
    fault(switch, status)
    process = start(runs.command("healed"))
    deadline = time.monotonic() + PATIENCE_S
    while not switch.refused:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the fault never began"
        time.sleep(0.05)
    healing = threading.Timer(LASTS_S, switch.heal)
    healing.start()
    _, errors = process.communicate(timeout=PATIENCE_S)
    healing.join()
    assert process.returncode == 0, errors
    assert runs.lost("healed") == 0
    assert runs.pairs("healed") == wanted
    alarms = runs.events("healed").count("circuit_opened")
    # The client itself tries these again: the fault may pass before a step has failed.
    assert alarms <= 1 if status in TRANSIENT else alarms == 1
    lines = [line for line in errors.splitlines() if line.startswith("alarm: ")]
    assert len(lines) == alarms
    assert all(f"HTTP {status}" in line for line in lines)
    assert "step_failed" not in runs.events("healed")


@pytest.mark.parametrize("status", [404, 413])
def test_a_fault_that_stays_stops_the_run_and_the_same_command_finishes_it(
    runs: Runs, switch: FaultySwitch, wanted: bytes, status: int
) -> None:
    fault(switch, status)
    command = runs.command("mended", **{"dispatch.engine_wait_s": 3})
    stopped = run(command)
    assert stopped.returncode not in (0, 1), stopped.stderr
    assert f"HTTP {status}" in stopped.stderr
    assert stopped.stderr.count(f"(HTTP {status}") <= MOST_MENTIONS, stopped.stderr
    assert report_of(runs.folder / "mended")["status"] == "failed"
    listed = run(["dead", "list", "--dir", runs.folder / "mended", "--json"])
    # A server that refuses even small requests counts as unavailable, which costs no step.
    assert bool(json.loads(listed.stdout)) == (status != 413)

    switch.heal()
    finished = run(command)
    assert finished.returncode == 0, finished.stderr
    assert runs.lost("mended") == 0
    assert runs.pairs("mended") == wanted
