"""Starts a worker of the training service: `python -m services.training.worker`."""

from services.training import tasks
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = tasks
"""Imported for their registration with the Celery app."""


def start(settings: Settings) -> None:
    run_worker(settings, ["training"])


if __name__ == "__main__":
    main(start)
