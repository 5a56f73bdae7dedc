"""The first schema: runs, their iterations, shards and steps; results, models, outcomes, events and commands."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _runs()
    _steps()
    _results()
    _people()


def _runs() -> None:
    op.create_table(
        "run",
        _text("id", 80, primary_key=True),
        sa.Column("recipe", sa.JSON(), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        _text("templates"),
        _text("prompts"),
        _text("status", 20),
        _number("iteration"),
        _text("reason", nullable=True),
        _time("created_at"),
        _time("started_at", nullable=True),
        _time("finished_at", nullable=True),
    )
    op.create_table(
        "iteration",
        _run_id(primary_key=True),
        _number("index", primary_key=True),
        _text("status", 20),
        _number("prompts"),
        _number("shards"),
        _text("actor"),
        _text("refiner"),
        _text("actor_after", nullable=True),
        _text("refiner_after", nullable=True),
        _time("started_at"),
        _time("finished_at", nullable=True),
    )
    op.create_table(
        "shard",
        _run_id(primary_key=True),
        _number("iteration", primary_key=True),
        _number("index", primary_key=True),
        _number("first"),
        _number("prompts"),
        _text("prompts_key"),
    )
    op.create_table(
        "prompt_outcome",
        _run_id(primary_key=True),
        _number("iteration", primary_key=True),
        _number("position", primary_key=True),
        _text("prompt_id", 16),
        _text("outcome", 20),
    )
    op.create_index("ix_prompt_outcome_prompt_id", "prompt_outcome", ["prompt_id"])


def _steps() -> None:
    op.create_table(
        "step",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        _run_id(),
        _number("iteration"),
        _text("kind", 20),
        _text("part", 20),
        _text("state", 20),
        _number("attempt"),
        _number("failures"),
        _text("fingerprint", 64),
        sa.Column("message", sa.JSON(), nullable=False),
        _text("result_key", nullable=True),
        sa.Column("reused", sa.Boolean(), nullable=False),
        _text("worker", nullable=True),
        _text("reason", nullable=True),
        _time("not_before", nullable=True),
        _time("dispatched_at", nullable=True),
        _time("started_at", nullable=True),
        _time("alive_at", nullable=True),
        _time("finished_at", nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.UniqueConstraint("run_id", "iteration", "kind", "part"),
    )
    op.create_index("ix_step_queue", "step", ["run_id", "state", "kind", "id"])
    op.create_table(
        "step_count",
        _run_id(primary_key=True),
        _number("iteration", primary_key=True),
        _text("kind", 20, primary_key=True),
        _text("state", 20, primary_key=True),
        _number("count"),
    )
    op.create_table(
        "training_job",
        sa.Column("step_id", BIG_KEY, primary_key=True, autoincrement=False),
        _run_id(),
        _number("iteration"),
        _text("role", 20),
        _number("step"),
        _number("steps"),
        sa.Column("loss", sa.Float(), nullable=True),
        _time("updated_at"),
    )


def _results() -> None:
    op.create_table(
        "result",
        _text("fingerprint", 64, primary_key=True),
        _text("key"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        _time("created_at"),
    )
    op.create_table("orphan", _text("key", primary_key=True), _text("fingerprint", 64), _time("created_at"))
    op.create_table(
        "model",
        _text("fingerprint", 64, primary_key=True),
        _text("location"),
        _text("parent", 64, nullable=True),
        _time("created_at"),
    )


def _people() -> None:
    """Users' commands, and their outcomes."""
    op.create_table(
        "command",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        _text("key", 120),
        _text("kind", 20),
        sa.Column("payload", sa.JSON(), nullable=False),
        _time("at"),
        _time("handled_at", nullable=True),
        _text("error", nullable=True),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "event",
        sa.Column("id", BIG_KEY, primary_key=True, autoincrement=True),
        _text("run_id", 80, nullable=True),
        _text("name", 60),
        sa.Column("fields", sa.JSON(), nullable=False),
        _time("at"),
    )
    op.create_index("ix_event_run_id", "event", ["run_id"])


def _text(name: str, length: int | None = None, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), primary_key=primary_key, nullable=nullable)


def _number(name: str, *, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), primary_key=primary_key, nullable=False, autoincrement=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _run_id(*, primary_key: bool = False) -> sa.Column[Any]:
    return sa.Column("run_id", sa.String(80), sa.ForeignKey("run.id"), primary_key=primary_key, nullable=False)
