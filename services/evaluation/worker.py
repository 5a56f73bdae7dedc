"""Starts a worker of the evaluation service: `python -m services.evaluation.worker`."""

from services.evaluation import tasks
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = tasks
"""Imported for their registration with the Celery app."""


def start(settings: Settings) -> None:
    run_worker(settings, ["evaluation"])


if __name__ == "__main__":
    main(start)
