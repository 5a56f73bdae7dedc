"""Brings a database's schema to the one this version knows. Knows nothing of what the tables hold.

To change the schema: change tables.py, add a file to migrations/versions/ that does the same to a database that
is there, and let tests/contract/test_db.py tell whether that is all.
"""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from spar.db.postgres_connection import unhurried
from spar.db.schema import MIGRATIONS, refuse_newer

_MIGRATE_LOCK = 0x5350_4152  # "SPAR": the advisory lock that migrations queue up for


def migrate(engine: Engine) -> None:
    """Upgrade to the newest schema, all of it or nothing; several processes may do so at once."""
    with engine.connect() as connection, unhurried(connection):
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATE_LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # sqlite3 itself would open none for DDL
        refuse_newer(connection)
        command.upgrade(_config(connection), "head")
        connection.commit()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
