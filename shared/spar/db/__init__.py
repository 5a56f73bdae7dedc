"""The database: the tables (`tables`), opening it (`engine`) and its Alembic migrations (`migrate`)."""
