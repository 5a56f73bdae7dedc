"""Asks something of the runs in a home, whether or not a process is running there."""

import uuid
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session, select

from services.coordinator.coordinator import Coordinator, CoordinatorLimits
from spar.db.commands import append_command
from spar.db.engine import open_database
from spar.db.schema import check_schema
from spar.db.tables import Command
from spar.embedded.home import Home, HomeInUse
from spar.messages.commands import DropCommand, ReplayCommand, RunCommand
from spar.runtime.app import configure
from spar.runtime.broker import CeleryBroker
from spar.runtime.settings import Settings
from spar.store.directory import DirectoryStore


@dataclass(frozen=True, slots=True)
class TakenCommand:
    """`by_another`: the process that runs in the home takes the command; else it has been taken here."""

    by_another: bool
    error: str | None


def ask(home: Home, kind: str, command: RunCommand | ReplayCommand | DropCommand) -> TakenCommand:
    """Store the command; if no process runs in the home, execute it, starting nothing. Raises HomeError."""
    home.check()
    database = open_database(home.database_url)
    try:
        check_schema(database)
        key = f"cli:{uuid.uuid4().hex}"
        append_command(database, key, kind, command.model_dump(mode="json"))
        try:
            with home.lock():
                _process_commands(home, database)
        except HomeInUse:
            return TakenCommand(True, None)
        with Session(database) as session:
            return TakenCommand(False, session.exec(select(Command.error).where(Command.key == key)).one())
    finally:
        database.dispose()


def _process_commands(home: Home, database: Engine) -> None:
    broker = CeleryBroker(configure(Settings(broker_url=SecretStr("memory://"))))
    Coordinator(database, DirectoryStore(home.store), broker, CoordinatorLimits()).process_commands()
