"""GET /metrics: the system's figures for Prometheus, read from the queues and the tables on each request.

No process counts anything for them, so a restart loses none.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Float, Integer, func
from sqlmodel import Session, col, select
from starlette.responses import Response

from services.api.backend import Backend, Context
from spar.db.runs import stuck_runs
from spar.db.tables import Run, Step, StepCount, TrainingJob
from spar.errors import ServiceError
from spar.messages.states import RunStatus, StepState
from spar.messages.stuck import StuckCause
from spar.runtime.app import EVERY_QUEUE
from spar.runtime.broker import Broker

router = APIRouter(tags=["health"])


USAGE = ("calls", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, eq=False)  # a registry keeps it in a set
class _Figures(Collector):
    context: Backend

    def collect(self) -> Iterator[Metric]:
        yield from queue_depths(self.context.broker)
        with self.context.session() as session:
            yield from run_counts(session, self.context.at_work)
            yield from step_states(session)
            yield from finished_work(session)
            yield from trainings(session)


@router.get("/metrics", response_class=PlainTextResponse)
def get_metrics(context: Context) -> Response:
    """Queues, steps, tokens and trainings, for Prometheus (with the token as its bearer credentials)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(context))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def queue_depths(broker: Broker) -> Iterator[Metric]:
    """`spar_broker_up` is 0 while the queues are unreachable."""
    depth = GaugeMetricFamily("spar_queue_depth", "Messages that no worker has taken.", labels=["queue"])
    up = 1
    try:
        for queue in EVERY_QUEUE:
            depth.add_metric([queue], broker.waiting(queue))
    except ServiceError:
        up = 0
    yield GaugeMetricFamily("spar_broker_up", "Whether the queues are reachable.", value=up)
    yield depth


def run_counts(session: Session, at_work: bool) -> Iterator[Metric]:
    """`at_work`: a coordinator is running; otherwise runs that have not ended count as interrupted, and
    `spar_coordinator_up` is 0."""
    yield GaugeMetricFamily("spar_coordinator_up", "Whether a coordinator works on the runs.", value=int(at_work))
    runs = GaugeMetricFamily("spar_runs", "Runs by status.", labels=["status"])
    found: Counter[RunStatus] = Counter()
    stuck = col(Run.stuck).is_not(None)
    for status, is_stuck, number in session.exec(select(Run.status, stuck, func.count()).group_by(Run.status, stuck)):
        found[RunStatus(status).shown(at_work, is_stuck)] += number
    for status in RunStatus:
        runs.add_metric([status], found[status])
    yield runs
    causes = Counter(known.cause for known in stuck_runs(session, at_work).values())
    by_cause = GaugeMetricFamily("spar_runs_stuck", "Runs of which no step ends, by cause.", labels=["cause"])
    for cause in StuckCause:
        by_cause.add_metric([cause], causes[cause])
    yield by_cause


def step_states(session: Session) -> Iterator[Metric]:
    steps = GaugeMetricFamily("spar_steps", "Steps by kind and state, over all runs.", labels=["kind", "state"])
    query = select(StepCount.kind, StepCount.state, func.sum(StepCount.count)).group_by(
        col(StepCount.kind), col(StepCount.state)
    )
    for kind, state, count in session.exec(query):
        steps.add_metric([str(kind), str(state)], int(count))
    yield steps


def finished_work(session: Session) -> Iterator[Metric]:
    """Per step kind and worker: throughput and cost are rates of these."""
    labels = ["kind", "worker"]
    done = CounterMetricFamily("spar_steps_done", "Steps that a worker finished.", labels=labels)
    seconds = CounterMetricFamily("spar_step_seconds", "Seconds that finished steps took.", labels=labels)
    usage = {
        name: CounterMetricFamily(f"spar_{name}", f"Engine {name} of finished steps.", labels=labels) for name in USAGE
    }
    sums: list[Any] = [func.sum(Step.facts["usage"][name].as_string().cast(Integer)) for name in USAGE]
    query = (
        select(Step.kind, Step.worker, func.count(), func.sum(Step.facts["seconds"].as_string().cast(Float)), *sums)
        .where(Step.state == StepState.DONE, col(Step.reused).is_(False))
        .group_by(col(Step.kind), col(Step.worker))
    )
    for row in session.exec(query).all():
        kind, worker, count, took, *used = tuple(row)
        names = [str(kind), worker or ""]
        done.add_metric(names, count)
        seconds.add_metric(names, took or 0.0)
        for name, number in zip(USAGE, used, strict=True):
            usage[name].add_metric(names, number or 0)
    yield from (done, seconds, *usage.values())


def trainings(session: Session) -> Iterator[Metric]:
    """The newest training of each role."""
    steps = GaugeMetricFamily("spar_training_step", "Optimizer step of the newest training.", labels=["role"])
    loss = GaugeMetricFamily("spar_training_loss", "Loss of the newest training.", labels=["role"])
    for role in ("actor", "refiner"):
        query = (
            select(TrainingJob).where(TrainingJob.role == role).order_by(col(TrainingJob.updated_at).desc()).limit(1)
        )
        job = session.exec(query).first()
        if job is not None:
            steps.add_metric([role], job.step)
            if job.loss is not None:
                loss.add_metric([role], job.loss)
    yield from (steps, loss)
