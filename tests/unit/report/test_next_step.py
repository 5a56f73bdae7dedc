"""What to do about a run that stopped: a sentence, and a command that can be pasted."""

import pytest

from spar.messages.endings import EndReason, RunEnd
from spar.messages.states import RunStatus
from spar.report.next_step import next_step, next_step_on_stack

WHERE = ("--dir", "my home")
RESUME = "spar resume r1 --dir 'my home'"


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING, RunStatus.FINISHED])
def test_nothing_is_to_be_done_about_a_run_that_goes_on_or_is_done(status: RunStatus) -> None:
    assert next_step(status, None, "r1") is None


@pytest.mark.parametrize("status", [RunStatus.INTERRUPTED, RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.STOPPED])
def test_every_other_run_is_resumed_by_a_command_that_can_be_pasted(status: RunStatus) -> None:
    told = next_step(status, None, "r1", WHERE)
    assert told is not None
    assert told.endswith(RESUME)


def test_a_spent_budget_is_raised() -> None:
    end = RunEnd(reason=EndReason.BUDGET, what="budget: 100 calls")
    assert next_step(RunStatus.STOPPED, end, "r1") == (
        "Raise the cap that was reached: spar resume r1 --set budget.KEY=VALUE"
    )


def test_a_run_that_its_outcomes_stopped_has_replies_to_read() -> None:
    end = RunEnd(reason=EndReason.FAILURES, what="8 of 10 lost", fix="Use a judge that keeps the form.")
    assert next_step(RunStatus.STOPPED, end, "r1", WHERE) == (
        f"Use a judge that keeps the form. Read the replies: spar explain r1 --dir 'my home'; then resume it: {RESUME}"
    )


def test_on_a_stack_a_coordinator_resumes_what_was_interrupted() -> None:
    told = next_step_on_stack(RunStatus.INTERRUPTED, None, "r1")
    assert told is not None
    assert told.startswith("No coordinator is running")
    assert next_step_on_stack(RunStatus.CANCELLED, None, "r1") == next_step(RunStatus.CANCELLED, None, "r1")
