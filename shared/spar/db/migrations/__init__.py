"""Alembic's folder: `env` connects, `versions/` holds the changes of the schema, oldest first."""
