"""Which workers there are, and what they consume: each is queried through the broker and replies for itself.

Takes seconds, so it is for who has a reason to ask. One that is paused or cut off does not reply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

from celery import Celery
from celery.worker.control import inspect_command

from spar.runtime.broker import broker_errors_explained

REPLY_S = 3.0
"""How long to wait for replies: all of it, for nobody knows how many there will be."""


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """`version` None: of a version that does not say."""

    name: str
    queues: frozenset[str]
    version: str | None


class Census(Protocol):
    def workers(self) -> Sequence[SeenWorker] | None:
        """Those who replied; None: they are in this process. Raises ServiceError."""
        ...


class Nobody:
    """For one process that holds everything."""

    def workers(self) -> None:
        return None


class CeleryCensus:
    def __init__(self, app: Celery, within_s: float = REPLY_S) -> None:
        self._app, self._within_s = app, within_s

    def workers(self) -> Sequence[SeenWorker]:
        with broker_errors_explained():
            inspection = self._app.control.inspect(timeout=self._within_s)
            queues: dict[str, Any] = inspection.active_queues() or {}
            versions: dict[str, Any] = (inspection._request("spar_version") or {}) if queues else {}
        return [
            SeenWorker(name, frozenset(queue["name"] for queue in consumed), versions.get(name, {}).get("version"))
            for name, consumed in sorted(queues.items())
        ]


@inspect_command(name="spar_version")  # type: ignore[untyped-decorator]  # celery has no types
def _version(_state: object) -> dict[str, str]:
    return {"version": version("spar")}
