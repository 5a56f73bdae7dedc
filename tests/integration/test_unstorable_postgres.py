"""SQLite accepts every text; PostgreSQL reveals what cannot be stored."""

from tests.unit.db.test_unstorable import check_tables


def test_no_text_is_too_broken_for_postgres(new_postgres_url: str) -> None:
    check_tables(new_postgres_url)
