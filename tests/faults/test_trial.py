"""A long-lasting fault must be reported: as an event, or in what the API shows."""

from contextlib import nullcontext
from dataclasses import replace

from tests.faults.evidence import Difference
from tests.faults.trial import Kind, Row, reason_it_is_wrong

WHOLE = Difference(lost=0, twice=0, same_bytes=True)
FINISHED = Row(fault="workers away", ended="finished", seconds=7.6, lost=0, twice=0, same_bytes=True)
LASTING = Kind(name="workers away", fault=lambda *_: nullcontext(), alarms=frozenset({"run_stuck"}))


def test_a_fault_that_is_not_reported_is_wrong() -> None:
    row = replace(FINISHED, alarms=["attempt_lost"])
    assert reason_it_is_wrong(LASTING, row, WHOLE) == "silent: none of ['run_stuck'] showed"
    assert not reason_it_is_wrong(LASTING, replace(row, alarms=["run_stuck", "attempt_lost"]), WHOLE)


def test_a_brief_fault_needs_no_alarm() -> None:
    assert not reason_it_is_wrong(replace(LASTING, alarms=frozenset()), FINISHED, WHOLE)
