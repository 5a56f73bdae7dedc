"""Starts a worker of the judgment service: `python -m services.judgment.worker`."""

from services.judgment import tasks
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = tasks
"""Imported for their registration with the Celery app."""


def start(settings: Settings) -> None:
    run_worker(settings, ["judgment"])


if __name__ == "__main__":
    main(start)
