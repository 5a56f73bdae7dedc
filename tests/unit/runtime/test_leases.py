"""When an attempt in flight counts as lost, and when it does not."""

from datetime import UTC, datetime, timedelta

import pytest

from spar.runtime.broker import BrokerReset
from spar.runtime.leases import AttemptStatus, Leases, LostReason, lost_reason

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASES = Leases(lease=timedelta(seconds=90), lost=timedelta(seconds=30))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("signs", "loss", "waiting", "why"),
    [
        (AttemptStatus(running=True, sent_at=ago(500), alive_at=ago(89)), BrokerReset.NONE, 0, None),
        (AttemptStatus(running=True, sent_at=ago(500), alive_at=ago(91)), BrokerReset.NONE, 7, LostReason.SILENT),
        (
            AttemptStatus(running=True, sent_at=ago(500), alive_at=ago(1)),
            BrokerReset.MESSAGES,
            0,
            None,
        ),  # its worker has it, whatever the queues lost
        (
            AttemptStatus(running=True, sent_at=ago(500), alive_at=ago(1)),
            BrokerReset.EVERYTHING,
            0,
            LostReason.PROCESS_GONE,
        ),
        (
            AttemptStatus(running=False, sent_at=ago(1), alive_at=None),
            BrokerReset.MESSAGES,
            3,
            LostReason.BROKER_EMPTIED,
        ),
        (AttemptStatus(running=False, sent_at=ago(29), alive_at=None), BrokerReset.NONE, 0, None),
        (AttemptStatus(running=False, sent_at=ago(31), alive_at=None), BrokerReset.NONE, 0, LostReason.NEVER_ARRIVED),
        (
            AttemptStatus(running=False, sent_at=ago(86_400), alive_at=None),
            BrokerReset.NONE,
            1,
            None,
        ),  # a backlog is no loss
    ],
)
def test_what_counts_as_lost(signs: AttemptStatus, loss: BrokerReset, waiting: int, why: LostReason | None) -> None:
    assert lost_reason(signs, loss, LEASES, lambda: waiting, NOW) is why
