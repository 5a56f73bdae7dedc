"""What a terminal shows of events: one line an alarm, with cause and fix; an error is written out once."""

import pytest

from spar.cli.event_lines import AS_BEFORE, EventLines
from spar.cli.progress import displaying

ERROR = "http://engine/v1 does not accept our credentials (HTTP 401: no). Set SPAR_ENGINE_API_KEY to its key."
OPENED = {"step_kind": "generation", "reason": "EngineError", "error": ERROR, "wait_s": 360.0}


def failed(step: int) -> dict[str, object]:
    return {"step": step, "step_kind": "generation", "part": "0", "attempt": 1, "reason": "EngineError", "error": ERROR}


def test_an_alarm_is_one_line_with_its_cause_and_its_fix(capsys: pytest.CaptureFixture[str]) -> None:
    with displaying() as display:
        display.event("circuit_opened", OPENED)
        display.event("circuit_reopened", OPENED)
        display.event("circuit_closed", {"step_kind": "generation", "seconds": 8.5})
    alarm, over = capsys.readouterr().err.splitlines()
    assert alarm == f"alarm: generation steps are paused: {ERROR} They are retried for up to 360 s."
    assert over == "alarm over: generation steps run again, after 8.5 s"


def test_an_error_is_written_out_once() -> None:
    lines = EventLines()
    written = [lines.line("attempt_failed", failed(1)), lines.line("attempt_failed", failed(2))]
    written.append(lines.line("step_failed", {"step": 2, "reason": f"EngineError: {ERROR}"}))
    written.append(lines.line("run_failed", {"reason": f"the engine stays unavailable: {ERROR}"}))
    assert [ERROR in line for line in written] == [True, False, False, False]
    assert [AS_BEFORE in line for line in written] == [False, True, True, False]
    assert written[-1] == "run failed"


def test_after_an_alarm_its_error_is_known() -> None:
    lines = EventLines()
    lines.line("circuit_opened", OPENED)
    assert ERROR not in lines.line("attempt_failed", failed(1))


def test_another_error_is_written_out() -> None:
    lines = EventLines()
    lines.line("attempt_failed", failed(1))
    assert "no such model" in lines.line("attempt_failed", {**failed(2), "error": "there is no such model"})


def test_a_reason_of_one_word_stays() -> None:
    lines = EventLines()
    both = [lines.line("attempt_lost", {"step": 1, "reason": "lease_expired"}) for _ in range(2)]
    assert both == ["attempt lost step=1 reason=lease_expired"] * 2
