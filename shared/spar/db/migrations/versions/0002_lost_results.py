"""Results that the store lost are recomputed, and a fingerprint that is being computed is not computed twice."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("step", sa.Column("remade", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_step_remade", "step", ["run_id", "remade"])
    op.create_index("ix_step_fingerprint", "step", ["fingerprint"])
