"""Starts the coordinator: `python -m services.coordinator.worker`. There is one; a second one exits and reports why."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from celery.signals import worker_shutdown, worker_shutting_down

from services.coordinator import tasks
from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from services.coordinator.inbox import Inbox
from spar.db.deadlines import Deadlines
from spar.db.engine import COORDINATOR, only_one, open_database
from spar.db.migrate import migrate
from spar.messages.coordinator import Report
from spar.runtime.app import COORDINATOR_QUEUE, announce, configure
from spar.runtime.broker import CeleryBroker, check_password
from spar.runtime.census import CeleryCensus
from spar.runtime.log import log_to
from spar.runtime.process import consume, main, reach_store
from spar.runtime.settings import Settings
from spar.runtime.supervision import ProcessEnd, end_within

log = structlog.get_logger()

STOP_S = 25.0
"""For everything to stop in; compose allows 30 s."""
MOST_WAITING = 1000
"""Reports in memory; the others stay in Redis, which outlives this process."""


def start(settings: Settings) -> None:
    """Hold the coordinator's lock and run until a signal. Raises ServiceError while another one holds it."""
    log_to(None)
    store = reach_store(settings)
    check_password(settings.broker_url.get_secret_value())
    deadlines = Deadlines(statement_s=settings.database_timeout_s)
    database = open_database(settings.database_url.get_secret_value(), deadlines)
    with only_one(database, COORDINATOR, deadlines) as writer:
        migrate(writer)
        limits = CoordinatorLimits(
            runs=settings.runs_at_once,
            lease=timedelta(seconds=settings.lease_s),
            lost=timedelta(seconds=settings.lost_s),
            stuck=timedelta(seconds=settings.stuck_s),
        )
        broker_app = configure(settings)
        broker = CeleryBroker(broker_app)
        coordinator = Coordinator(writer, store, broker, limits, census=CeleryCensus(broker_app))
        end = ProcessEnd(STOP_S)
        inbox = Inbox(coordinator, settings.polling_interval_s, end, MOST_WAITING)
        tasks.install(inbox)
        inbox.start()

        def on_stopping(**_: object) -> None:
            end_within(STOP_S)
            inbox.stop()

        def on_shutdown(**_: object) -> None:
            _hand_over(inbox.close())

        worker_shutting_down.connect(on_stopping, weak=False)
        worker_shutdown.connect(on_shutdown, weak=False)
        # One thread: reports reach the inbox in the order in which they were sent.
        consume(
            [COORDINATOR_QUEUE], 1, f"coordinator@{settings.worker_name}", settings.alive_file, lambda: inbox.silent_s
        )
        end.raise_failure()


def _hand_over(reports: Sequence[Report]) -> None:
    """Return reports that could not be handled to the queue, for the next coordinator."""
    for place, report in enumerate(reports):
        try:
            announce(report)
        except Exception as error:  # noqa: BLE001 - whatever a broker raises that is unreachable or full
            # Their leases give their steps another attempt, and existing results are found again.
            log.warning("reports_lost", reports=len(reports) - place, error=str(error))
            return


if __name__ == "__main__":
    main(start)
