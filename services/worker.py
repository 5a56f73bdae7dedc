"""Starts a worker: `python -m services.worker generation`, with the queues that it consumes as arguments.

Without arguments it consumes the queues of SPAR_QUEUES, or all that workers have: on a host with one GPU one worker
does everything, so that one engine serves all and stops before a training starts. The coordinator's queue, the API and
the gateway are not for it: they have processes of their own.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from spar.errors import ServiceError
from spar.runtime.app import WORKER_QUEUES
from spar.runtime.process import main, run_worker
from spar.runtime.settings import Settings

TASK_MODULES: Mapping[str, Sequence[str]] = {
    "generation": ("services.generation.tasks", "services.generation.evolving"),
    "judgment": ("services.judgment.tasks",),
    "refinement": ("services.refinement.tasks",),
    "training": ("services.training.tasks",),
    "evaluation": ("services.evaluation.tasks",),
}
"""Imported for their registration with the Celery app, and only by a worker that consumes their queue."""


def queues_of(arguments: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """The queues to consume: the arguments, else those of SPAR_QUEUES, else all. Raises ServiceError."""
    named = tuple(arguments) or settings.queues
    if unknown := sorted(set(named) - set(WORKER_QUEUES)):
        where = "The command line" if arguments else "SPAR_QUEUES"
        raise ServiceError(
            f"{where} names {', '.join(unknown)}, which a worker cannot consume.",
            f"Name some of: {', '.join(WORKER_QUEUES)}.",
        )
    return named or WORKER_QUEUES


def start(settings: Settings) -> None:
    queues = queues_of(sys.argv[1:], settings)
    for queue in queues:
        for module in TASK_MODULES[queue]:
            import_module(module)
    run_worker(settings, queues)


if __name__ == "__main__":
    main(start)
