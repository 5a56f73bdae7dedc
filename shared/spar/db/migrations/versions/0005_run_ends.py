"""Why a run ended early, and why a step failed, as types."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("run", sa.Column("end", sa.JSON(), nullable=True))
    op.add_column("step", sa.Column("failure", sa.String(length=40), nullable=True))
