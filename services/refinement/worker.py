"""Starts a worker of the refinement service: `python -m services.refinement.worker`."""

from services.refinement import tasks
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = tasks
"""Imported for their registration with the Celery app."""


def start(settings: Settings) -> None:
    run_worker(settings, ["refinement"])


if __name__ == "__main__":
    main(start)
