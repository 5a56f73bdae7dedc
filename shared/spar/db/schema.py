"""Which schema a database has, and whether this version reads it. Changes nothing, and does without alembic: importing
that takes longer than reading a run.
"""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from spar.errors import HomeError

MIGRATIONS = Path(__file__).with_name("migrations")
_VERSIONS = "[0-9][0-9][0-9][0-9]_*.py"


def check_schema(engine: Engine) -> None:
    """Raise HomeError unless the database has exactly the schema that this version reads."""
    with engine.connect() as connection:
        refuse_newer(connection)
        current, head = _current(connection), schemas()[0]
    if current is None:
        raise HomeError(f"The database {_name(engine)} has no tables yet.", "Start a run with it first.")
    if current != head:
        raise HomeError(
            f"The database {_name(engine)} was made by an older version (schema {current}, now {head}).",
            "Start or continue a run with it: that upgrades it.",
        )


def schemas() -> list[str]:
    """The schemas that this version knows, the one that it reads first: the revisions, by the names of their files."""
    return sorted((path.name.split("_")[0] for path in (MIGRATIONS / "versions").glob(_VERSIONS)), reverse=True)


def refuse_newer(connection: Connection) -> None:
    """Raise HomeError for a schema that this version does not know."""
    current = _current(connection)
    if current is not None and current not in schemas():
        raise HomeError(
            f"The database {_name(connection.engine)} was made by a newer version (schema {current}).",
            "Use that version, or start in a new directory or database.",
        )


def _current(connection: Connection) -> str | None:
    """What alembic noted last; None for a database that it has not touched."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    current: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return current


def _name(engine: Engine) -> str:
    return engine.url.database or "in memory"
