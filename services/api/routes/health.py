"""Whether the process lives, and whether it can work. Asked by machines, so without a token; tells no secret."""

from dataclasses import dataclass

from fastapi import APIRouter, Response

from services.api.backend import Context
from spar.db.migrate import check_schema
from spar.errors import SparError

router = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Health:
    status: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ok`, or why not, of each thing that the API stands on."""

    database: str
    store: str


@router.get("/health")
async def get_health() -> Health:
    """The process lives. Waits for no thread: they may all be waiting for the database."""
    return Health("ok")


@router.get("/ready", responses={503: {"model": Readiness}})
def get_ready(context: Context, answer: Response) -> Readiness:
    """The database has our schema, and the object store answers; else 503."""
    found = Readiness(database=_database(context), store=_store(context))
    if (found.database, found.store) != ("ok", "ok"):
        answer.status_code = 503
    return found


def _database(context: Context) -> str:
    try:
        check_schema(context.database)
    except SparError as error:
        return str(error)
    return "ok"


def _store(context: Context) -> str:
    try:
        context.store.exists("models/ready")
    except SparError as error:
        return str(error)
    return "ok"
