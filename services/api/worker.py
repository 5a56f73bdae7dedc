"""Starts the API: `python -m services.api.worker`. Serves until SIGTERM or SIGINT, which end live events at once."""

import uvicorn

from services.api.app import make_app
from services.api.backend import Backend
from services.api.settings import ApiSettings
from spar.db.deadlines import Deadlines
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.runtime.app import configure
from spar.runtime.broker import CeleryBroker
from spar.runtime.http import bind, server_config
from spar.runtime.log import log_to
from spar.runtime.process import main, open_store
from spar.runtime.read_settings import read_settings
from spar.runtime.settings import Settings

PORT_TAKEN = "Stop what uses that port, or set SPAR_API_PORT and SPAR_API_HOST."
WHOLE_RUNS = 5  # times the usual deadline of a statement: reports and metrics read all of a run
GRACE_S = 3  # for requests in progress; a client that follows live events would stay for ever


def start(settings: Settings) -> None:
    """Migrate the database, then serve until a signal. Raises ServiceError if the port is taken."""
    log_to(None)
    mine = read_settings(ApiSettings)
    mine.check()
    whole_runs = Deadlines(statement_s=WHOLE_RUNS * settings.database_timeout_s)
    database = open_database(settings.database_url.get_secret_value(), whole_runs)
    migrate(database)  # a submitted run is stored even if the coordinator has never been started
    backend = Backend(database, open_store(settings), CeleryBroker(configure(settings)), mine)
    config = server_config(make_app(backend), timeout_graceful_shutdown=GRACE_S)
    with bind(mine.host, mine.port, "The API", PORT_TAKEN) as listening:
        host, port = listening.getsockname()[:2]
        print(f"listening on http://{host}:{port}", flush=True)
        uvicorn.Server(config).run(sockets=[listening])
    database.dispose()


if __name__ == "__main__":
    main(start)
