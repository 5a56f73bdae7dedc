"""Starts a worker of the generation service: `python -m services.generation.worker`."""

from services.generation import evolving, tasks
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = (evolving, tasks)
"""Imported for their registration with the Celery app."""


def start(settings: Settings) -> None:
    run_worker(settings, ["generation"])


if __name__ == "__main__":
    main(start)
