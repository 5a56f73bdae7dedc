"""The report of a run that has ended, built once: kept in the store under what determines it, and read back.

A resume, a replay or a repair changes a row that the report is built from, hence its identity. Reading an ended run
again then takes a few queries and one object, however many trees the run has. Keeping is no condition of reading: a
store that takes no writes gives the same report, built each time.
"""

import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import JSON, CompoundSelect, Select, String, cast, func, select, union
from sqlmodel import Session, SQLModel

from spar.db.progress import read_lost
from spar.db.tables import Run
from spar.errors import ObjectLost, ServiceError, StoreError
from spar.messages.endings import RunEnd
from spar.report.build import build_report, installed_versions
from spar.report.model import RunReport
from spar.report.next_step import next_step
from spar.store.base import ObjectStore
from spar.store.results import RUN_REPORTS, get_verified, put_blob

REVISION = 1
"""Of what a report holds: raise it when the same rows and objects give another report."""

log = structlog.get_logger()


def read_report(session: Session, store: ObjectStore, run_id: str, at_work: bool = True) -> RunReport:
    """As `build_report`, and the same report; of an ended run built by the first reader only."""
    identity = report_identity(session, run_id)
    if identity is None:
        return build_report(session, store, run_id, at_work)
    kept = _kept(store, f"{RUN_REPORTS}/{run_id}/{identity}")
    if kept is not None:
        return kept.model_copy(update={"next_step": _next_step(session, run_id)})
    report = build_report(session, store, run_id, at_work)
    if not any(sample.lost for sample in report.replies) and report_identity(session, run_id) == identity:
        _keep(store, run_id, identity, report)
    return report


def report_identity(session: Session, run_id: str) -> str | None:
    """The hash of all that the report of an ended run is built from; None for a run that is on, or is not there."""
    run = session.get(Run, run_id)
    if run is None or not run.status.ended:
        return None
    digest = sha256(json.dumps([REVISION, _installed()]).encode())
    for query in _queries(run_id):
        rows = session.connection().execute(query).all()
        digest.update(json.dumps([list(row) for row in rows], default=str).encode())
    return digest.hexdigest()


def _queries(run_id: str) -> Iterator[Select[Any]]:
    """Outcomes are counted: which prompt has which follows from the selection's result."""
    yield _rows("run", "id", run_id, "stuck")
    for name in ("iteration", "shard", "spending"):
        yield _rows(name, "run_id", run_id)
    yield _rows("step", "run_id", run_id, "message")
    yield _rows("model", "fingerprint", _models(run_id))
    outcomes = SQLModel.metadata.tables["prompt_outcome"].c
    by_outcome = (outcomes.iteration, outcomes.outcome)
    counted = select(*by_outcome, func.count()).where(outcomes.run_id == run_id)
    yield counted.group_by(*by_outcome).order_by(*by_outcome)


def _rows(name: str, key: str, wanted: Any, *left_out: str) -> Select[Any]:
    """Columns, not records: a run has thousands of steps, whose facts need not be parsed to be compared."""
    table = SQLModel.metadata.tables[name]
    columns = [column for column in table.c if column.name not in left_out]
    texts = [cast(each, String) if isinstance(each.type, JSON) else each for each in columns]
    those = table.c[key] == wanted if isinstance(wanted, str) else table.c[key].in_(wanted)
    return select(*texts).where(those).order_by(*table.primary_key)


def _models(run_id: str) -> CompoundSelect[Any]:
    iterations = SQLModel.metadata.tables["iteration"].c
    named = (iterations.actor, iterations.refiner, iterations.actor_after, iterations.refiner_after)
    return union(*(select(name).where(iterations.run_id == run_id) for name in named))


@cache
def _installed() -> dict[str, str]:
    """A report names what is installed where it is built: another installation builds its own."""
    return installed_versions()


def _kept(store: ObjectStore, prefix: str) -> RunReport | None:
    for key in store.keys(prefix):
        try:
            return RunReport.model_validate_json(get_verified(store, key))
        except (ObjectLost, ValidationError):
            log.warning("kept_report_unreadable", key=key)
    return None


def _keep(store: ObjectStore, run_id: str, identity: str, report: RunReport) -> None:
    try:
        kept = put_blob(store, f"{RUN_REPORTS}/{run_id}/{identity}", report.model_dump_json().encode())
        for key in list(store.keys(f"{RUN_REPORTS}/{run_id}")):
            if key != kept.key:
                store.remove(key)
    except (StoreError, ServiceError) as error:
        log.warning("report_not_kept", run=run_id, error=error.what)


def _next_step(session: Session, run_id: str) -> str | None:
    run = session.get_one(Run, run_id)
    end = None if run.end is None else RunEnd.model_validate(run.end)
    return next_step(run.status, end, run.id, lost=read_lost(session, run.id))
