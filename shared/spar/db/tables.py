"""The tables: what a run is doing and has done. The coordinator is the only writer, but for `command` (see below).

Texts and data never live here, only ids, keys, counts and times (UTC). Fits SQLite and PostgreSQL alike; a change
here needs a migration in `migrations/versions/` (a test compares the two).
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Enum, Index, Integer, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from spar.messages.base import StepKind
from spar.messages.states import IterationStatus, RunStatus, StepState


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC times in and out: SQLite drops the zone, PostgreSQL gives the one of its session."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


def choice(of: type[StrEnum], primary_key: bool = False) -> Column[Any]:
    """A column of an enum, stored as its value in plain text: a new member needs no migration."""
    kind = Enum(of, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])
    return Column(kind, primary_key=primary_key, nullable=False)


# SQLite counts up only plain INTEGER keys by itself.
BIG_KEY = BigInteger().with_variant(Integer(), "sqlite")


class Run(SQLModel, table=True):
    """One training of a recipe. `recipe` is the resolved recipe; `templates` and `prompts` are keys in the store.

    `models` maps the recipe's model references to fingerprints, read when the run was submitted. `inputs` are the keys
    of what else its policies read (see `Submission`). `reason` states why it ended early, `end` is that as a
    `spar.messages.endings.RunEnd`; None: it finished, was cancelled, or an older version ended it. `stuck` is why it
    makes no progress, as a `spar.messages.stuck.Stuck`; None: it does.
    """

    __tablename__ = "run"
    id: str = Field(primary_key=True, max_length=80)
    recipe: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    models: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    templates: str
    prompts: str
    inputs: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))
    status: RunStatus = Field(sa_column=choice(RunStatus))
    iteration: int = 0
    reason: str | None = None
    end: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    stuck: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Iteration(SQLModel, table=True):
    """Iteration `index` counts from 1, or from -1 where the run makes its starting models (spar.recipes.init). The
    models it starts with, and, once trained, those it ends with."""

    __tablename__ = "iteration"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    index: int = Field(primary_key=True)
    status: IterationStatus = Field(sa_column=choice(IterationStatus))
    prompts: int
    shards: int
    actor: str
    refiner: str
    actor_after: str | None = None
    refiner_after: str | None = None
    started_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Shard(SQLModel, table=True):
    """A few prompts that travel together. `first` is the position of its first prompt in the iteration."""

    __tablename__ = "shard"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    iteration: int = Field(primary_key=True)
    index: int = Field(primary_key=True)
    first: int
    prompts: int
    prompts_key: str


class Step(SQLModel, table=True):
    """One step of one shard (part: its index), or of an iteration (part: actor, refiner, pairs or empty).

    Dead rows are the dead letters: `reason` states why, `failure` is its type (a `FailureReason`). Times and counts are
    those of the attempt that counted; a `reused` step took its result from an earlier one, so its seconds are 0.
    `remade` counts how often its result was recomputed because the store had lost it.
    """

    __tablename__ = "step"
    __table_args__ = (
        UniqueConstraint("run_id", "iteration", "kind", "part"),
        Index("ix_step_queue", "run_id", "state", "kind", "id"),
        Index("ix_step_remade", "run_id", "remade"),
    )
    id: int | None = Field(default=None, sa_column=Column(BIG_KEY, primary_key=True, autoincrement=True))
    run_id: str = Field(foreign_key="run.id", max_length=80)
    iteration: int
    kind: StepKind = Field(sa_column=choice(StepKind))
    part: str = Field(max_length=20)
    state: StepState = Field(sa_column=choice(StepState))
    attempt: int = 0
    failures: int = 0
    remade: int = 0
    fingerprint: str = Field(max_length=64, index=True)
    message: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    result_key: str | None = None
    reused: bool = False
    worker: str | None = None
    reason: str | None = None
    failure: str | None = Field(default=None, max_length=40)
    not_before: datetime | None = Field(default=None, sa_type=UtcDateTime)
    dispatched_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    alive_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class StepCount(SQLModel, table=True):
    """How many steps of a kind are in a state: kept with every transition, so that no decision scans all steps."""

    __tablename__ = "step_count"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    iteration: int = Field(primary_key=True)
    kind: StepKind = Field(sa_column=choice(StepKind, primary_key=True))
    state: StepState = Field(sa_column=choice(StepState, primary_key=True))
    count: int = 0


class Spending(SQLModel, table=True):
    """The usage of the steps of a kind: of every attempt that produced a result; reused results add nothing.

    `steps` are those that called a model, so that calls / steps estimates the next one.
    """

    __tablename__ = "spending"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    iteration: int = Field(primary_key=True)
    kind: StepKind = Field(sa_column=choice(StepKind, primary_key=True))
    steps: int = 0
    calls: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    prompt_tokens: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    completion_tokens: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    trainings: int = 0


class RunClock(SQLModel, table=True):
    """How long a run has been on, pauses left out, and when that was last looked at (None: it is not on)."""

    __tablename__ = "run_clock"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    worked_s: float = 0.0
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class StoredResult(SQLModel, table=True):
    """What a fingerprint's first writer wrote. Outlives its run: any later step of the same fingerprint reuses it."""

    __tablename__ = "result"
    fingerprint: str = Field(primary_key=True, max_length=64)
    key: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    facts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Orphan(SQLModel, table=True):
    """An object that a later writer of the same fingerprint left: nobody reads it, a clean-up may delete it."""

    __tablename__ = "orphan"
    key: str = Field(primary_key=True)
    fingerprint: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class PromptOutcome(SQLModel, table=True):
    """How each prompt of an iteration ended: exactly one row per position."""

    __tablename__ = "prompt_outcome"
    run_id: str = Field(primary_key=True, foreign_key="run.id", max_length=80)
    iteration: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    prompt_id: str = Field(max_length=16, index=True)
    outcome: str = Field(max_length=20)


class Model(SQLModel, table=True):
    """A model by its fingerprint: where it lies, and from which one it was trained (None: given)."""

    __tablename__ = "model"
    fingerprint: str = Field(primary_key=True, max_length=64)
    location: str
    parent: str | None = Field(default=None, max_length=64)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class TrainingJob(SQLModel, table=True):
    """A training as it goes: the newest progress of the step that runs it."""

    __tablename__ = "training_job"
    step_id: int = Field(sa_column=Column(BIG_KEY, primary_key=True, autoincrement=False))
    run_id: str = Field(foreign_key="run.id", max_length=80)
    iteration: int
    role: str = Field(max_length=20)
    step: int = 0
    steps: int = 0
    loss: float | None = None
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Event(SQLModel, table=True):
    """What happened, in order: a constant name and fields. For people and pages; no decision reads it."""

    __tablename__ = "event"
    id: int | None = Field(default=None, sa_column=Column(BIG_KEY, primary_key=True, autoincrement=True))
    run_id: str | None = Field(default=None, max_length=80, index=True)
    name: str = Field(max_length=60)
    fields: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Command(SQLModel, table=True):
    """A user's command. The one table that others than the coordinator append to: a submit is safe once its row is
    committed. `key` makes a repeated request harmless."""

    __tablename__ = "command"
    id: int | None = Field(default=None, sa_column=Column(BIG_KEY, primary_key=True, autoincrement=True))
    key: str = Field(unique=True, max_length=120)
    kind: str = Field(max_length=20)
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    handled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    error: str | None = None
