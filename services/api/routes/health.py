"""Whether the process is alive and ready. Called by monitors, so without a token; exposes no secret."""

import asyncio
from dataclasses import dataclass

from fastapi import APIRouter, Response

from services.api.backend import Context
from services.api.looks import LooksOfApp
from spar.db.runs import stuck_runs
from spar.db.schema import check_schema
from spar.errors import SparError

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`ok` or the error, for each dependency of the API."""

    database: str
    store: str
    runs: str = "ok"


@router.get("/health")
async def get_health() -> Health:
    """The process is alive. Waits for no thread: they may all be waiting for the database."""
    return Health("ok")


@router.get("/ready", responses={503: {"model": Readiness}})
async def get_ready(context: Context, looks: LooksOfApp, answer: Response) -> Readiness:
    """The database has our schema, the object store responds within seconds, and no run is stuck; otherwise 503."""
    database, store, runs = await asyncio.gather(
        looks.at("database", lambda: _database(context)),
        looks.at("store", lambda: _store(context)),
        looks.at("runs", lambda: _runs(context)),
    )
    if database != "ok":
        runs = "unknown: the database says"
    found = Readiness(database=database, store=store, runs=runs)
    if (found.database, found.store, found.runs) != ("ok", "ok", "ok"):
        answer.status_code = 503
    return found


def _database(context: Context) -> str:
    try:
        check_schema(context.database)
    except SparError as error:
        return str(error)
    return "ok"


def _runs(context: Context) -> str:
    try:
        with context.session() as session:
            stuck = stuck_runs(session, context.at_work)
    except SparError as error:
        return str(error)
    # This route requires no token: `spar status` names the runs and their fix.
    causes = sorted({found.cause for found in stuck.values()})
    return f"{len(stuck)} stuck: {', '.join(causes)}; see `spar status`" if stuck else "ok"


def _store(context: Context) -> str:
    try:
        context.store.exists("models/ready")
    except SparError as error:
        return str(error)
    return "ok"
