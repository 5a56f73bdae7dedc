"""Which queues a combined worker consumes, and that workers know every task that may arrive there."""

from pathlib import Path

import pytest

import services
from services.combined import worker as combined
from services.combined.worker import queues_of
from services.generation import worker as generation
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


def test_workers_know_every_task_of_their_queues() -> None:
    """A module with tasks that no worker imports would leave its messages to fail on arrival."""
    folder = Path(services.__file__).parent
    having = {
        f"services.{queue}.{path.stem}"
        for queue in WORKER_QUEUES
        for path in (folder / queue).glob("*.py")
        if "\n@task(" in path.read_text()
    }
    assert "services.generation.evolving" in having
    assert {module.__name__ for module in combined.TASKS} == having
    assert {module.__name__ for module in generation.TASKS} == {name for name in having if ".generation." in name}
