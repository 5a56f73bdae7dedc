"""The Celery app: task names, queues and delivery. Knows nothing of what tasks do.

Tasks acknowledge early: late acknowledgement ends a worker when Redis restarts under a running task, and redelivers
long ones. Recovery is leases of our own (spar.runtime.leases).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery
from kombu import Queue

from spar.messages.base import StepKind
from spar.messages.coordinator import TASK as COORDINATOR_TASK
from spar.messages.coordinator import Report
from spar.runtime.settings import Settings

CONNECT_S = 5.0
COORDINATOR_QUEUE = "coordinator"
QUEUES = {
    StepKind.GENERATION: "generation",
    StepKind.JUDGMENT: "judgment",
    StepKind.COMPARISON: "judgment",
    StepKind.REFINEMENT: "refinement",
    StepKind.SELECTION: "training",
    StepKind.TRAINING: "training",
    StepKind.EVALUATION: "evaluation",
}
WORKER_QUEUES = tuple(dict.fromkeys(QUEUES.values()))
EVERY_QUEUE = (*WORKER_QUEUES, COORDINATOR_QUEUE)

app = Celery("spar", set_as_current=True)
app.conf.update(
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_disable_prefetch=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue=COORDINATOR_QUEUE,
    task_create_missing_queues=True,
    task_queues=[Queue(name) for name in EVERY_QUEUE],
    task_routes={f"{queue}.*": {"queue": queue} for queue in EVERY_QUEUE},
    broker_connection_retry_on_startup=True,
    worker_send_task_events=True,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    # A lost connection must not shut the worker down after a fixed number of tries.
    broker_connection_max_retries=None,
    # Nor must what Redis replies when it is full, read-only or loading: the consumer connects again.
    broker_channel_error_retry=True,
)


def configure(settings: Settings) -> Celery:
    """Point the app at this process's broker."""
    url = settings.broker_url.get_secret_value()
    app.conf.broker_url = url
    if url.startswith("memory:"):
        # The default of one second between looks would make every hop cost that much.
        app.conf.broker_transport_options = {"polling_interval": 0.01}
    else:
        app.conf.broker_transport_options = redis_deadlines(settings.broker_timeout_s)
    return app


def redis_deadlines(timeout_s: float) -> dict[str, object]:
    """Transport options by which nothing waits for ever for a Redis that takes the bytes and never replies."""
    return {
        "socket_connect_timeout": min(CONNECT_S, timeout_s),
        "socket_timeout": timeout_s,
        "socket_keepalive": True,
        # Kombu also drops a consumer's BRPOP whose reply is overdue by this, and connects again.
        "health_check_interval": max(1, round(timeout_s)),
    }


Body = TypeVar("Body", bound=Callable[[dict[str, Any]], None])


def task(name: str) -> Callable[[Body], Body]:
    """Register a function as what arrives under this name; `app.task` with its type kept."""

    def register(body: Body) -> Body:
        app.task(name=name)(body)
        return body

    return register


def in_brief(message: dict[str, Any]) -> str:
    """How monitors show a message: its ids, not all that it carries."""
    named = ("kind", "worker", "run_id", "step_id", "attempt")
    return " ".join(f"{name}={message[name]}" for name in named if name in message)


def announce(report: Report) -> None:
    """Send the coordinator a report, once. What is to survive a broker that is away goes by `spar.runtime.outbox`."""
    message = report.model_dump(mode="json")
    app.send_task(
        COORDINATOR_TASK,
        args=[message],
        argsrepr=in_brief(message),
        queue=COORDINATOR_QUEUE,
        retry=False,
    )


def purge(celery: Celery) -> None:
    """Empty every queue."""
    with celery.connection_for_write() as connection:
        for queue in celery.conf.task_queues:
            bound = queue.bind(connection.default_channel)
            bound.declare()
            bound.purge()
