"""GET /metrics: the figures of services.api.metrics in Prometheus' text form."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from services.api import metrics
from services.api.backend import Backend, Context

router = APIRouter(tags=["health"])


@dataclass(frozen=True, eq=False)  # a registry keeps it in a set
class _Figures(Collector):
    context: Backend

    def collect(self) -> Iterator[Metric]:
        yield from metrics.queue_depths(self.context.broker)
        with self.context.session() as session:
            yield from metrics.run_counts(session, self.context.at_work)
            yield from metrics.step_states(session)
            yield from metrics.finished_work(session)
            yield from metrics.trainings(session)


@router.get("/metrics", response_class=PlainTextResponse)
def get_metrics(context: Context) -> Response:
    """Queues, steps, tokens and trainings, for Prometheus (with the token as its bearer credentials)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(context))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
