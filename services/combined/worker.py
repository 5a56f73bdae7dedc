"""Starts a worker that consumes the queues named by SPAR_QUEUES: `python -m services.combined.worker`.

On a host with one GPU it is the only worker, so that one engine serves all and stops before a training starts. It
knows the services only by their tasks; the coordinator's queue is not for it.
"""

from services.evaluation import tasks as _evaluation
from services.generation import evolving as _evolving
from services.generation import tasks as _generation
from services.judgment import tasks as _judgment
from services.refinement import tasks as _refinement
from services.training import tasks as _training
from spar.errors import ServiceError
from spar.runtime.app import WORKER_QUEUES
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASKS = (_evaluation, _evolving, _generation, _judgment, _refinement, _training)
"""Imported for their registration with the Celery app."""


def queues_of(settings: Settings) -> tuple[str, ...]:
    """The queues to consume: all that workers have, unless some are named. Raises ServiceError."""
    unknown = sorted(set(settings.queues) - set(WORKER_QUEUES))
    if unknown:
        raise ServiceError(
            f"SPAR_QUEUES names {', '.join(unknown)}, which a worker cannot consume.",
            f"Name some of: {', '.join(WORKER_QUEUES)}.",
        )
    return settings.queues or WORKER_QUEUES


def start(settings: Settings) -> None:
    run_worker(settings, queues_of(settings))


if __name__ == "__main__":
    main(start)
