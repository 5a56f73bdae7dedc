"""What a terminal shows of a run that is stuck, and what the command exits with."""

from datetime import UTC, datetime

import pytest

from spar.cli.exits import STUCK
from spar.cli.progress import displaying
from spar.cli.run_end import print_end
from spar.db.progress import RunProgress
from spar.messages.states import RunStatus
from spar.messages.stuck import Stuck, StuckCause

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = Stuck(cause=StuckCause.UNKNOWN, what="no step ends", fix="Read the logs.", since=NOW)


def test_a_run_that_ends_because_it_is_stuck_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    progress = RunProgress(
        run_id="r",
        status=RunStatus.STUCK,
        reason=None,
        iteration=1,
        iterations=1,
        created_at=NOW,
        finished_at=None,
        steps=(),
        trainings=(),
        stuck=NOBODY,
    )
    assert print_end(progress, "run the same command again") == STUCK == 4
    told = capsys.readouterr().err
    assert "stuck (unknown): no step ends" in told
    assert "Read the logs. What is done is kept: run the same command again to resume." in told


def test_what_it_is_stuck_of_is_told_as_it_happens(capsys: pytest.CaptureFixture[str]) -> None:
    with displaying() as display:
        display.event("run_stuck", {"cause": "no_worker", "what": "no worker consumes judgment", "fix": "Start one."})
        display.event("run_unstuck", {"cause": "no_worker"})
    assert capsys.readouterr().err == "stuck: no worker consumes judgment. Start one.\nrun unstuck cause=no_worker\n"
