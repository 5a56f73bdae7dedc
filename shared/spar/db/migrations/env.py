"""Alembic runs this for every command; the connection comes from `spar.db.migrate`, inside its transaction."""

from alembic import context
from sqlmodel import SQLModel

from spar.db import tables  # noqa: F401 -- fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    transactional_ddl=True,  # SQLite too, given the BEGIN of `migrate`
)
context.run_migrations()
