"""Appends to `command`, the one table that others than the coordinator write. Knows nothing of what commands do."""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from spar.db.tables import Command
from spar.errors import ConflictError
from spar.texts import storable_all


def append_command(database: Engine, key: str, kind: str, payload: dict[str, Any]) -> None:
    """Safe once this returns. The same request under the same key is one command; another one is a ConflictError."""
    payload = storable_all(payload)  # as the table will have it, so that a repeated request is found to be equal
    try:
        with Session(database) as session:
            session.add(Command(key=key, kind=kind, payload=payload))
            session.commit()
    except IntegrityError:
        with Session(database) as session:
            known = session.exec(select(Command).where(Command.key == key)).one()
        if (known.kind, known.payload) != (kind, payload):
            raise ConflictError(
                "This idempotency key was used for another request.", "Make a new key for each new request."
            ) from None
