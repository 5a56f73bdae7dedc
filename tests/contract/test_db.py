"""The database as the coordinator uses it: one suite, on SQLite and on a real PostgreSQL."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel

from spar.db.engine import is_held, only_one, open_database
from spar.db.migrate import migrate
from spar.db.schema import MIGRATIONS, check_schema, schemas
from spar.db.tables import Command, Event, Shard
from spar.errors import HomeError, ServiceError


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/spar.db"
    made: str = request.getfixturevalue("new_postgres_url")
    return made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_database(url)
    yield opened
    opened.dispose()


def test_the_migrations_make_the_tables(engine: Engine) -> None:
    """No difference between tables.py and the migrations' result, including column types and constraints."""
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    with Session(engine) as session:
        session.add(Command(key="k", kind="submit", payload={}))
        session.commit()
    migrate(engine)
    check_schema(engine)
    with Session(engine) as session:
        assert session.scalars(select(Command.key)).all() == ["k"]


def test_several_may_migrate_at_once(url: str) -> None:
    def open_and_migrate(_: int) -> None:
        opened = open_database(url)
        migrate(opened)
        check_schema(opened)
        opened.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_and_migrate, range(4)))


def test_a_migration_that_fails_leaves_nothing(engine: Engine) -> None:
    """A table already exists half-way: the tables created before it must be removed again."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE event (mine int)"))
    with pytest.raises(Exception, match="event"):
        migrate(engine)
    assert inspect(engine).get_table_names() == ["event"]


def test_a_database_without_tables_is_explained(engine: Engine) -> None:
    with pytest.raises(HomeError, match=r"has no tables yet\. Start a run"):
        check_schema(engine)
    assert inspect(engine).get_table_names() == []


@pytest.mark.parametrize("look", [check_schema, migrate])
def test_a_newer_schema_is_left_alone(engine: Engine, look: "type[check_schema]") -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(HomeError, match=r"made by a newer version \(schema 9999\)"):
        look(engine)


def test_times_are_aware_and_in_utc(engine: Engine) -> None:
    migrate(engine)
    there = timezone(timedelta(hours=5))
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=there)
    with Session(engine) as session:
        session.add(Event(name="a", at=moment))
        session.add(Event(name="b"))
        session.commit()
    with Session(engine) as session:
        first, second = session.scalars(select(Event).order_by(Event.id)).all()
        assert first.at == moment
        assert first.at.utcoffset() == timedelta(0)
        assert abs(second.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_keys_count_up_and_stay_unique(engine: Engine) -> None:
    migrate(engine)
    with Session(engine) as session:
        rows = [Command(key=str(number), kind="submit", payload={"n": number}) for number in range(3)]
        session.add_all(rows)
        session.commit()
        assert [row.id for row in rows] == [1, 2, 3]
        session.add(Command(key="1", kind="submit", payload={}))
        with pytest.raises(IntegrityError):
            session.commit()


def test_a_row_of_no_run_is_refused(engine: Engine) -> None:
    migrate(engine)
    with Session(engine) as session:
        session.add(Shard(run_id="none", iteration=1, index=0, first=0, prompts=1, prompts_key="k"))
        with pytest.raises(IntegrityError):
            session.commit()


def test_writers_in_several_threads_wait_for_each_other(engine: Engine) -> None:
    migrate(engine)

    def write(number: int) -> None:
        with Session(engine) as session, session.begin():
            session.scalars(select(Command.id)).all()  # a read first, as in a turn of the coordinator
            session.add(Command(key=str(number), kind="submit", payload={}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(100)))
    with Session(engine) as session:
        assert len(session.scalars(select(Command.id)).all()) == 100


def test_a_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    migrate(engine)
    with Session(engine) as writer, Session(engine) as reader:
        writer.add(Command(key="k", kind="submit", payload={}))
        writer.flush()
        assert reader.scalars(select(Command.id)).all() == []
        writer.commit()
        assert reader.scalars(select(Command.id)).all() == [1]


def test_there_is_one_of_a_name(url: str, engine: Engine) -> None:
    second = open_database(url)
    with only_one(engine, "coordinator"):
        with (
            pytest.raises(ServiceError, match="Another coordinator is at work"),
            only_one(second, "coordinator"),
        ):
            pass
        with only_one(second, "another"):
            pass
        assert is_held(second, "coordinator")
        assert not is_held(second, "another")
    assert not is_held(second, "coordinator")
    with only_one(second, "coordinator"):
        pass
    second.dispose()


def test_a_name_is_free_once_its_holder_was_killed(url: str, engine: Engine) -> None:
    code = (
        "import sys\nfrom spar.db.engine import only_one, open_database\n"
        "with only_one(open_database(sys.argv[1]), 'coordinator'):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert is_held(engine, "coordinator")
        with pytest.raises(ServiceError), only_one(engine, "coordinator"):
            pass
        holder.kill()
        holder.wait()
    _until_free(engine)
    assert not is_held(engine, "coordinator")


def _until_free(engine: Engine) -> None:
    """The server notices a dead client once the kernel has closed its socket: soon, not at once."""
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while True:
        try:
            with only_one(engine, "coordinator"):
                return
        except ServiceError:
            if datetime.now(UTC) > deadline:
                raise
            threading.Event().wait(0.02)


# What only SQLite can meet.


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "spar.db").write_text("something else " * 100)
    with pytest.raises(HomeError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path}/spar.db")


def test_a_missing_directory_is_explained(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="Check that its directory exists"):
        open_database(f"sqlite:///{tmp_path}/nowhere/spar.db")


def test_a_disk_that_takes_no_more_is_explained_and_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk."""
    url = f"sqlite:///{tmp_path}/spar.db"
    code = (
        "import resource, sys\nfrom spar.db.engine import open_database\nfrom spar.db.migrate import migrate\n"
        "from spar.db.tables import Event\nfrom spar.errors import HomeError\nfrom sqlmodel import Session\n"
        "engine = open_database(sys.argv[1])\nmigrate(engine)\n"
        "with Session(engine) as session:\n    session.add(Event(name='kept'))\n    session.commit()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "try:\n  with Session(engine) as session:\n"
        "    session.add_all(Event(name='lost', fields={'x': 'x' * 1000}) for _ in range(1000))\n"
        "    session.commit()\n"
        "except HomeError as error: print(error)\n"
    )
    child = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert "cannot be used" in child.stdout
    with sqlite3.connect(tmp_path / "spar.db") as connection:
        assert connection.execute("SELECT name FROM event").fetchall() == [("kept",)]
    connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_a_database_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom spar.db.engine import open_database\nfrom spar.db.migrate import migrate\n"
        "from spar.errors import HomeError\nimport sqlalchemy.dialects.sqlite\nos.setuid(65534)\n"
        "try: migrate(open_database(sys.argv[1]))\nexcept HomeError as error: print(error)\n"
    )
    url = f"sqlite:///{tmp_path}/spar.db"
    child = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert "this user" in child.stdout


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://u:hidden@h/d", "oracle+x://u:hidden@h/d", "postgresql+no://h"]
)
def test_a_url_that_is_none_is_explained_and_not_shown(url: str) -> None:
    with pytest.raises(ServiceError, match="database URL is not one that we understand") as caught:
        open_database(url)
    assert "hidden" not in str(caught.value)


def test_the_schemas_named_by_files_are_those_that_alembic_walks() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    walked = ScriptDirectory.from_config(config).walk_revisions()
    assert schemas() == [script.revision for script in walked]
