"""No text is too broken for a table, nor for a question to one: SQLite here, PostgreSQL in tests/integration."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from spar.db.commands import append_command
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.tables import Command, Event, Run
from spar.texts import storable, storable_all

BROKEN = st.text(st.characters(codec=None) | st.sampled_from("\x00\ud800\udfff"), max_size=30)


def check_tables(url: str) -> None:
    """What every database has to do with texts that PostgreSQL does not take."""
    database = open_database(url)
    migrate(database)

    @given(BROKEN, st.dictionaries(BROKEN, BROKEN | st.lists(BROKEN), max_size=3))
    def whatever_comes(text: str, fields: dict[str, object]) -> None:
        with Session(database) as session:
            assert session.get(Run, f"no run {text}") is None
            events = [Event(name="n", fields={**fields, "text": text}) for _ in range(2)]
            session.add_all([*events, Command(key="k", kind="kind", payload=fields, error=text)])
            session.flush()
            session.expire_all()
            assert events[0].fields == storable_all({**fields, "text": text})
            [command] = session.exec(select(Command).where(Command.error == text)).all()
            assert command.error == storable(text)
            session.rollback()

    whatever_comes()
    append_command(database, "key", "submit", {"a": "\x00"})
    append_command(database, "key", "submit", {"a": "\x00"})  # the same request is one command
    database.dispose()


def test_no_text_is_too_broken_for_sqlite(tmp_path: Path) -> None:
    check_tables(f"sqlite:///{tmp_path / 'spar.db'}")
