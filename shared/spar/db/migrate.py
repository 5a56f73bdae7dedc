"""Brings a database's schema to the one this version knows. Knows nothing of what the tables hold.

To change the schema: change tables.py, add a file to migrations/versions/ that does the same to a database that
is there, and let tests/contract/test_db.py tell whether that is all.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from spar.db.deadlines import unhurried
from spar.errors import HomeError

_MIGRATE_LOCK = 0x5350_4152  # "SPAR": the advisory lock that migrations queue up for


def migrate(engine: Engine) -> None:
    """Upgrade to the newest schema, all of it or nothing; several processes may do so at once."""
    with engine.connect() as connection, unhurried(connection):
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATE_LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 itself would open none for DDL
        _refuse_newer(connection)
        command.upgrade(_config(connection), "head")
        connection.commit()


def check_schema(engine: Engine) -> None:
    """Raise HomeError unless the database has exactly the schema that this version reads."""
    with engine.connect() as connection:
        _refuse_newer(connection)
        current, head = _current(connection), _scripts().get_current_head()
    if current is None:
        raise HomeError(f"The database {_name(engine)} has no tables yet.", "Start a run with it first.")
    if current != head:
        raise HomeError(
            f"The database {_name(engine)} was made by an older version (schema {current}, now {head}).",
            "Start or continue a run with it: that upgrades it.",
        )


def schemas() -> list[str]:
    """The schemas that this version knows, the one that it reads first."""
    return [script.revision for script in _scripts().walk_revisions()]


def _refuse_newer(connection: Connection) -> None:
    current = _current(connection)
    if current is not None and current not in schemas():
        raise HomeError(
            f"The database {_name(connection.engine)} was made by a newer version (schema {current}).",
            "Use that version, or start in a new directory or database.",
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _name(engine: Engine) -> str:
    return engine.url.database or "in memory"
