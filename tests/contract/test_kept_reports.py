"""A kept report on a real PostgreSQL: what identifies it are the columns of its rows, JSON among them."""

from pathlib import Path

import pytest
from sqlmodel import Session

from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.report.build import build_report
from spar.report.kept import read_report
from spar.store.directory import DirectoryStore
from spar.store.results import RUN_REPORTS
from tests.unit.report.test_build import Books, whole


@pytest.mark.integration
def test_the_report_of_an_ended_run_is_kept_once(new_postgres_url: str, tmp_path: Path) -> None:
    database = open_database(new_postgres_url)
    migrate(database)
    with Session(database) as session:
        books = Books(session, DirectoryStore(tmp_path))
        whole(books)
        first = read_report(session, books.store, "r1")
        kept = list(books.store.keys(RUN_REPORTS))
        assert len(kept) == 1
        assert read_report(session, books.store, "r1") == first == build_report(session, books.store, "r1")
        assert list(books.store.keys(RUN_REPORTS)) == kept
    database.dispose()
