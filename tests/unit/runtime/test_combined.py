"""Which queues a combined worker consumes."""

import pytest

from services.combined.worker import queues_of
from spar.errors import ServiceError
from spar.runtime.app import COORDINATOR_QUEUE, WORKER_QUEUES
from spar.runtime.settings import Settings


def test_all_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPAR_QUEUES", raising=False)
    assert queues_of(Settings()) == WORKER_QUEUES
    monkeypatch.setenv("SPAR_QUEUES", "judgment, refinement")
    assert queues_of(Settings()) == ("judgment", "refinement")


@pytest.mark.parametrize("queue", [COORDINATOR_QUEUE, "trainign"])
def test_a_queue_that_is_not_a_workers_is_refused(queue: str) -> None:
    with pytest.raises(ServiceError, match=queue):
        queues_of(Settings(queues=("judgment", queue)))
