"""The task of the coordinator: workers' reports, which wait in the inbox until its thread handles them."""

from typing import Any

from services.coordinator.inbox import Inbox
from spar.errors import ServiceError
from spar.messages.coordinator import REPORT, TASK
from spar.runtime.app import task

_inbox: list[Inbox] = []


def install(inbox: Inbox | None) -> None:
    """Set the inbox that receives this process's reports; None when it is closed."""
    _inbox[:] = [] if inbox is None else [inbox]


@task(TASK)
def report(message: dict[str, Any]) -> None:
    if not _inbox:
        raise ServiceError(
            "A report arrived in a process that runs no coordinator.",
            "Let only the coordinator's own worker consume the queue 'coordinator'.",
        )
    _inbox[0].put(REPORT.validate_python(message))
