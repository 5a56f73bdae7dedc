"""What each run has taken so far, kept beside its steps, so that a budget needs no sum over them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Key = tuple[str, int, str]


def upgrade() -> None:
    """Spending by kind of step, and the time that a run was worked on."""
    op.create_table(
        "spending",
        sa.Column("run_id", sa.String(80), sa.ForeignKey("run.id"), primary_key=True, nullable=False),
        sa.Column("iteration", sa.Integer(), primary_key=True, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(20), primary_key=True, nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger(), nullable=False),
        sa.Column("completion_tokens", sa.BigInteger(), nullable=False),
        sa.Column("trainings", sa.Integer(), nullable=False),
    )
    op.create_table(
        "run_clock",
        sa.Column("run_id", sa.String(80), sa.ForeignKey("run.id"), primary_key=True, nullable=False),
        sa.Column("worked_s", sa.Float(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
    )
    _fill()


def _fill() -> None:
    """From the steps that are done; the hours of runs before this are not known, and count as none."""
    step = sa.table(
        "step",
        sa.column("run_id", sa.String()),
        sa.column("iteration", sa.Integer()),
        sa.column("kind", sa.String()),
        sa.column("state", sa.String()),
        sa.column("reused", sa.Boolean()),
        sa.column("facts", sa.JSON()),
    )
    query = sa.select(step.c.run_id, step.c.iteration, step.c.kind, step.c.facts).where(
        step.c.state == "done", step.c.reused.is_(False)
    )
    sums: dict[Key, dict[str, Any]] = {}
    for run_id, iteration, kind, facts in op.get_bind().execute(query):
        usage = (facts or {}).get("usage", {})
        row = sums.setdefault(
            (run_id, iteration, kind),
            {"steps": 0, "calls": 0, "prompt_tokens": 0, "completion_tokens": 0, "trainings": 0},
        )
        row["steps"] += usage.get("calls", 0) > 0
        row["trainings"] += kind == "training"
        for name in ("calls", "prompt_tokens", "completion_tokens"):
            row[name] += usage.get(name, 0)
    if sums:
        columns = (
            "run_id",
            "iteration",
            "kind",
            "steps",
            "calls",
            "prompt_tokens",
            "completion_tokens",
            "trainings",
        )
        spending = sa.table("spending", *(sa.column(name) for name in columns))
        rows = [
            {"run_id": run_id, "iteration": iteration, "kind": kind, **row}
            for (run_id, iteration, kind), row in sums.items()
        ]
        op.bulk_insert(spending, rows)
