"""A stack's generation queue, for steps that belong to no run: its broker, its workers, its store.

Reports come to this process's own queue, not to the coordinator, and no table is written: earlier results are looked up
in the store, where workers keep the reports of such steps (spar.runtime.kept). The command can thus be resumed from any
host.
"""

from datetime import timedelta
from types import TracebackType

from spar.engines.openai_access import KEY_VARIABLE
from spar.evolution.queue import QUEUE, LossWatch, Made
from spar.messages.base import StepMessage
from spar.messages.coordinator import Report, StepFailed, StepFinished
from spar.runtime.app import configure
from spar.runtime.broker import CeleryBroker, check_password
from spar.runtime.kept import kept_report
from spar.runtime.leases import Leases
from spar.runtime.process import reach_store
from spar.runtime.replies import ReplyQueue
from spar.runtime.settings import Settings
from spar.store.base import ObjectStore


class StackStepQueue:
    """Started by `with`, which raises ServiceError unless broker and store reply. Closing removes its report queue.

    Workers still finish the steps that they hold, and the next call finds the results in the store.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings, self._name = settings, name

    def __enter__(self) -> "StackStepQueue":
        settings = self._settings
        self.store: ObjectStore = reach_store(settings)
        check_password(settings.broker_url.get_secret_value())
        app = configure(settings)
        self._replies = ReplyQueue(app, self._name)
        self._broker = CeleryBroker(app, self._replies.name)
        self._broker.loss()  # losses before now are not ours
        leases = Leases(lease=timedelta(seconds=settings.lease_s), lost=timedelta(seconds=settings.lost_s))
        self.watch = LossWatch(self._broker, leases, settings.polling_interval_s)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._replies.close()

    def send(self, task: str, message: StepMessage) -> None:
        addressed = message.model_copy(update={"reply_to": self._replies.name})
        self._broker.send(task, QUEUE, addressed.model_dump(mode="json"))

    def next_report(self, timeout_s: float | None) -> Report | None:
        return self._replies.next(self.watch.every_s if timeout_s is None else timeout_s)

    def result(self, fingerprint: str) -> Made | None:
        known = kept_report(self.store, fingerprint)
        return None if known is None else Made.of(known)

    def book(self, report: StepFinished) -> Made:
        """Its worker has already recorded it."""
        return Made.of(report)

    def failure_text(self, report: StepFailed) -> str:
        where = f"Worker {report.worker}: {report.error}"
        if KEY_VARIABLE not in report.error:
            return where
        return f"{where} Set it in the environment of every generation worker (with docker compose, in .env)."
