"""A run keeps the keys of what its policies read besides prompts and templates."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("run", sa.Column("inputs", sa.JSON(), nullable=False, server_default="{}"))
