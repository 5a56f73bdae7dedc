"""What is shown of a run's stored status."""

import pytest

from spar.messages.states import RunStatus


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.CANCELLING])
def test_a_run_that_has_not_ended_is_interrupted_where_no_process_works_on_it(status: RunStatus) -> None:
    """One that was killed before its run began, too."""
    assert status.shown(at_work=False) is RunStatus.INTERRUPTED
    assert status.shown(at_work=True) is status


@pytest.mark.parametrize("status", [each for each in RunStatus if each.ended])
def test_an_ended_run_is_shown_as_it_ended(status: RunStatus) -> None:
    assert status.shown(at_work=False) is status
