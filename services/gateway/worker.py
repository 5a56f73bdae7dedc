"""Starts the gateway: `python -m services.gateway.worker`, or `spar serve`. Serves until SIGTERM or SIGINT.

Needs two servers, or two models' directories, and nothing else of the stack.
"""

import sys

import uvicorn

from services.gateway.app import make_app
from services.gateway.settings import GatewaySettings
from spar.errors import SparError
from spar.redaction import redact_tracebacks
from spar.runtime.http import bind, server_config
from spar.runtime.log import log_to
from spar.runtime.read_settings import read_settings

GRACE_S = 3  # for requests that are being answered when it is told to stop
PORT_TAKEN = "Stop what uses that port, or set SPAR_GATEWAY_PORT and SPAR_GATEWAY_HOST."


def serve(settings: GatewaySettings) -> None:
    """Blocks. Raises what is wrong with the settings, and ServiceError for a port that is taken."""
    settings.check()
    log_to(None)
    config = server_config(make_app(settings), timeout_graceful_shutdown=GRACE_S)
    with bind(settings.host, settings.port, "The gateway", PORT_TAKEN) as listening:
        host, port = listening.getsockname()[:2]
        print(f"listening on http://{host}:{port}", flush=True)
        uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    redact_tracebacks()
    try:
        serve(read_settings(GatewaySettings))
    except SparError as error:
        print(f"error: {error.what}\nfix: {error.fix}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
