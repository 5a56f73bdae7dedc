"""When an attempt in flight counts as lost, and when it does not."""

from datetime import UTC, datetime, timedelta

import pytest

from spar.runtime.broker import Loss
from spar.runtime.leases import Gone, Leases, Signs, why_gone

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASES = Leases(lease=timedelta(seconds=90), lost=timedelta(seconds=30))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("signs", "loss", "waiting", "why"),
    [
        (Signs(True, ago(500), ago(89)), Loss.NONE, 0, None),
        (Signs(True, ago(500), ago(91)), Loss.NONE, 7, Gone.SILENT),
        (Signs(True, ago(500), ago(1)), Loss.MESSAGES, 0, None),  # its worker has it, whatever the queues lost
        (Signs(True, ago(500), ago(1)), Loss.EVERYTHING, 0, Gone.PROCESS_GONE),
        (Signs(False, ago(1), None), Loss.MESSAGES, 3, Gone.BROKER_EMPTIED),
        (Signs(False, ago(29), None), Loss.NONE, 0, None),
        (Signs(False, ago(31), None), Loss.NONE, 0, Gone.NEVER_ARRIVED),
        (Signs(False, ago(86_400), None), Loss.NONE, 1, None),  # a backlog is no loss
    ],
)
def test_what_counts_as_lost(signs: Signs, loss: Loss, waiting: int, why: Gone | None) -> None:
    assert why_gone(signs, loss, LEASES, lambda: waiting, NOW) is why
