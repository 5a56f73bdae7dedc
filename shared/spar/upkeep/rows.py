"""A run's rows as plain records, and back into a database. Knows nothing of files and objects.

Ids that a database gave are not the run's own: in records a run's steps are numbered from 1 in their order, so that
the same run gives the same records wherever it lies.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, text
from sqlmodel import Session, SQLModel, col, select

from spar.db.tables import (
    Event,
    Iteration,
    Model,
    PromptOutcome,
    Run,
    RunClock,
    Shard,
    Spending,
    Step,
    StepCount,
    StoredResult,
    TrainingJob,
)
from spar.errors import DataError

Record = dict[str, Any]
Records = Mapping[str, Sequence[Record]]
"""By table, in an order in which they can be inserted."""

OF_RUN: tuple[type[SQLModel], ...] = (
    Iteration,
    Shard,
    Step,
    StepCount,
    Spending,
    RunClock,
    PromptOutcome,
    TrainingJob,
    Event,
)
"""Whose rows belong to one run."""
SHARED: tuple[type[SQLModel], ...] = (StoredResult, Model)
"""Whose rows a run uses and others may too."""
TABLES: tuple[type[SQLModel], ...] = (*SHARED, Run, *OF_RUN)


def name_of(table: type[SQLModel]) -> str:
    return str(table.__tablename__)


def read_records(session: Session, run_id: str) -> dict[str, list[Record]]:
    """Every row that the run consists of or uses, its steps numbered. Raises DataError for a run that is not there."""
    return _numbered(read_as_kept(session, run_id))


def read_as_kept(session: Session, run_id: str) -> dict[str, list[Record]]:
    """The same, with the ids that the database gave."""
    run = session.get(Run, run_id)
    if run is None:
        raise DataError(f"There is no run '{run_id}' here.", "List the runs with: spar runs.")
    found: dict[type[SQLModel], list[SQLModel]] = {Run: [run]}
    for table in OF_RUN:
        found[table] = list(session.exec(select(table).where(table.run_id == run_id).order_by(*_key(table))))  # type: ignore[attr-defined]
    found[StoredResult] = _results(session, found[Step])
    found[Model] = _models(session, found)
    return {name_of(table): [_record(table, row) for row in found[table]] for table in TABLES}


def write_records(session: Session, records: Records) -> None:
    """Insert them, with ids that are free here. Shared rows that are there stay as they are. Raises DataError."""
    first_step, first_event = _last_step(session), _last(session, Event)
    for table in TABLES:
        for place, record in enumerate(records.get(name_of(table), ()), start=1):
            row = _row(table, _shifted(table, record, place, first_step, first_event))
            if table not in SHARED or session.get(table, _identity(row)) is None:
                session.add(row)
        session.flush()  # rows below point at these
    _count_on(session)


def _results(session: Session, steps: Sequence[Any]) -> list[SQLModel]:
    wanted = {step.fingerprint for step in steps}
    found = (session.get(StoredResult, fingerprint) for fingerprint in sorted(wanted))
    return [row for row in found if row is not None]


def _models(session: Session, found: Mapping[type[SQLModel], Sequence[Any]]) -> list[SQLModel]:
    """Those that the run was given, began or ended an iteration with, and their ancestors."""
    [run] = found[Run]
    of = [(row.actor, row.refiner, row.actor_after, row.refiner_after) for row in found[Iteration]]
    open_ = {*run.models.values(), *(name for names in of for name in names if name is not None)}
    known: dict[str, Model] = {}
    while open_:
        model = session.get(Model, open_.pop())
        if model is not None and model.fingerprint not in known:
            known[model.fingerprint] = model
            open_ |= {model.parent} if model.parent is not None else set()
    return [known[fingerprint] for fingerprint in sorted(known)]


def _numbered(records: dict[str, list[Record]]) -> dict[str, list[Record]]:
    steps = records[name_of(Step)]
    number = {record["id"]: place for place, record in enumerate(steps, start=1)}
    records[name_of(Step)] = [_with_step_id(record, number[record["id"]]) for record in steps]
    # The progress of a step that was taken back belongs to nothing any more.
    jobs = [job for job in records[name_of(TrainingJob)] if job["step_id"] in number]
    records[name_of(TrainingJob)] = [{**job, "step_id": number[job["step_id"]]} for job in jobs]
    events = records[name_of(Event)]
    records[name_of(Event)] = [
        {**event, "id": place, "fields": _renamed(event["fields"], number)}
        for place, event in enumerate(events, start=1)
    ]
    return records


def _shifted(table: type[SQLModel], record: Record, place: int, first_step: int, first_event: int) -> Record:
    if table is Step:
        return _with_step_id(record, first_step + record["id"])
    if table is TrainingJob:
        return {**record, "step_id": first_step + record["step_id"]}
    if table is Event:
        fields = record["fields"]
        number = {step: first_step + step for step in _steps_in(fields)}
        return {**record, "id": first_event + place, "fields": _renamed(fields, number)}
    return record


def _with_step_id(record: Record, step_id: int) -> Record:
    message = record["message"]
    return {**record, "id": step_id, "message": {**message, "step_id": step_id} if message else message}


def _steps_in(fields: Mapping[str, Any]) -> list[int]:
    """The step ids in an event's fields: `step`, or a list of them as `steps`."""
    one, several = fields.get("step"), fields.get("steps")
    return [*([one] if isinstance(one, int) else []), *(several if isinstance(several, list) else [])]


def _renamed(fields: Record, number: Mapping[int, int]) -> Record:
    """With other step ids; 0 for a step that was taken back."""
    changed = dict(fields)
    if isinstance(fields.get("step"), int):
        changed["step"] = number.get(fields["step"], 0)
    if isinstance(fields.get("steps"), list):
        changed["steps"] = [number.get(step, 0) for step in fields["steps"]]
    return changed


def _record(table: type[SQLModel], row: SQLModel) -> Record:
    """In the order of the table's fields: a row that was just loaded has them in another one."""
    dumped = row.model_dump(mode="json")
    return {name: dumped[name] for name in table.model_fields}


def _row(table: type[SQLModel], record: Record) -> SQLModel:
    unknown = sorted(set(record) - set(table.model_fields))
    try:
        if unknown:
            raise ValueError(f"unknown column {unknown[0]}")
        return table.model_validate(record)
    except (ValidationError, ValueError) as error:
        raise DataError(
            f"A row of the table {name_of(table)} is not one that this version knows: {str(error)[:200]}.",
            "Restore it with the version of spar that wrote it.",
        ) from error


def _count_on(session: Session) -> None:
    """PostgreSQL counts ids by itself, and knows nothing of those that were given."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table in (Step, Event):
        name = name_of(table)
        largest = f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name} HAVING max(id) > 0"
        session.execute(text(largest))


def _identity(row: SQLModel) -> str:
    return str(getattr(row, "fingerprint"))  # noqa: B009 - both shared tables have it, their base has not


def _key(table: type[SQLModel]) -> Iterable[Any]:
    return [col(getattr(table, column.name)) for column in table.__table__.primary_key]  # type: ignore[attr-defined]


def _last(session: Session, table: type[Event]) -> int:
    return session.exec(select(func.max(table.id))).one() or 0


def _last_step(session: Session) -> int:
    steps = session.exec(select(func.max(Step.id))).one() or 0
    jobs = session.exec(select(func.max(TrainingJob.step_id))).one() or 0
    return max(steps, jobs)
