"""`spar run` that is stuck for lack of something this process itself needs ends with exit code 4, the cause and a fix;
the same command resumes it once that is repaired."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spar.cli.exits import STUCK
from tests.end_to_end.faulty import FaultySwitch, faulty_server
from tests.end_to_end.simulated import PATIENCE_S, run, start
from tests.end_to_end.test_environment_faults import Runs, fault

pytestmark = pytest.mark.end_to_end


@pytest.fixture
def switch() -> Iterator[FaultySwitch]:
    with faulty_server(FaultySwitch()) as served:
        yield served


def test_a_store_that_is_gone(tmp_path: Path, switch: FaultySwitch, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(tmp_path, switch.url)
    wanted = runs.undisturbed()
    monkeypatch.setenv("SPAR_STUCK_S", "3")
    fault(switch, 403)  # so that the run stands still, and nothing is read or written meanwhile
    process = start(runs.command("stuck"))
    deadline = time.monotonic() + PATIENCE_S
    while not switch.refused:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the fault never began"
        time.sleep(0.05)
    store, away = tmp_path / "stuck" / "store", tmp_path / "away"
    store.rename(away)
    store.symlink_to(store)  # as a mount that went away: every access to it fails
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == STUCK, errors
    assert "stuck (store): " in errors
    assert "Traceback" not in errors
    assert errors.rstrip().endswith("What is done is kept: run the same command again to resume.")

    store.unlink()
    away.rename(store)
    switch.heal()
    again = run(runs.command("stuck"))
    assert again.returncode == 0, again.stderr
    assert runs.lost("stuck") == 0
    assert runs.pairs("stuck") == wanted
