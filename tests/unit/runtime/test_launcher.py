"""Which queues a worker consumes, and that it knows every task that may arrive there."""

from pathlib import Path

import pytest

import services
from services.worker import TASK_MODULES, queues_of
from spar.errors import ServiceError
from spar.runtime.app import COORDINATOR_QUEUE, WORKER_QUEUES
from spar.runtime.settings import Settings


def test_all_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPAR_QUEUES", raising=False)
    assert queues_of([], Settings()) == WORKER_QUEUES
    monkeypatch.setenv("SPAR_QUEUES", "judgment, refinement")
    assert queues_of([], Settings()) == ("judgment", "refinement")
    assert queues_of(["training"], Settings()) == ("training",)


@pytest.mark.parametrize("queue", [COORDINATOR_QUEUE, "trainign"])
def test_a_queue_that_is_not_a_workers_is_refused(queue: str) -> None:
    with pytest.raises(ServiceError, match=f"SPAR_QUEUES names {queue}"):
        queues_of([], Settings(queues=("judgment", queue)))
    with pytest.raises(ServiceError, match=f"command line names {queue}"):
        queues_of([queue], Settings())


def test_workers_know_every_task_of_their_queues() -> None:
    """A module with tasks that no worker imports would leave its messages to fail on arrival."""
    folder = Path(services.__file__).parent
    having = {
        queue: {
            f"services.{queue}.{path.stem}" for path in (folder / queue).glob("*.py") if "\n@task(" in path.read_text()
        }
        for queue in WORKER_QUEUES
    }
    assert "services.generation.evolving" in having["generation"]
    assert {queue: set(modules) for queue, modules in TASK_MODULES.items()} == having


def has_tasks(module: Path) -> bool:
    return "\n@task(" in module.read_text()
