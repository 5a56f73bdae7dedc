"""`spar serve`: an OpenAI-compatible endpoint with tree search at inference, over any two models.

The options are the gateway's settings (`services.gateway.settings`); those not given come from the environment.
"""

import secrets
from typing import Annotated, Any

import typer

from spar.cli.console import err
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.redaction import remember


def serve(  # noqa: PLR0913 - one parameter per option
    actor: Annotated[
        str | None,
        typer.Option(help="URL[#NAME] of an OpenAI-compatible server, builtin:story/actor, or a model's directory."),
    ] = None,
    refiner: Annotated[str | None, typer.Option(help="The same, for the model that judges and refines.")] = None,
    token: Annotated[
        str | None, typer.Option(help="The api_key required of clients. [default: generated and printed]")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one (8100).")
    ] = None,
    templates: Annotated[str | None, typer.Option(help="The refiner's templates: spar, compact, or a folder.")] = None,
    votes: Annotated[int | None, typer.Option(min=1, help="Votes per judgment (5).")] = None,
    budget: Annotated[int | None, typer.Option(min=1, help="Default refinements per request (15).")] = None,
    deadline: Annotated[float | None, typer.Option(min=0.001, help="Default seconds per request (60).")] = None,
    running: Annotated[int | None, typer.Option(min=1, help="Requests processed at once (64).")] = None,
    waiting: Annotated[
        int | None, typer.Option(min=0, help="Requests that may queue; more are rejected (256).")
    ] = None,
    send_seed: Annotated[bool | None, typer.Option(help="Send seeds to the servers.")] = None,
    body: BodyOption = None,
    header: HeaderOption = None,
) -> None:
    """Serve chat completions: `spar:actor` unchanged, `spar:bfs` and others with tree search. Ctrl-C stops it.

    All options can be set by SPAR_GATEWAY_* in the environment; a token should be. API keys of the two servers:
    SPAR_ACTOR_API_KEY and SPAR_REFINER_API_KEY, or SPAR_ENGINE_API_KEY for both.
    """
    from services.gateway.settings import GatewaySettings
    from services.gateway.worker import serve as start
    from spar.runtime.read_settings import read_settings

    given: dict[str, Any] = {
        "actor": actor,
        "refiner": refiner,
        "token": token,
        "host": host,
        "port": port,
        "templates": templates,
        "votes": votes,
        "budget": budget,
        "deadline_s": deadline,
        "running": running,
        "waiting": waiting,
        "send_seed": send_seed,
        "body": body_of(body) or None,
        "headers": headers_of(header) or None,
    }
    if token:
        remember(token)
    settings = read_settings(GatewaySettings, **{name: value for name, value in given.items() if value is not None})
    settings.check_models()
    if not settings.token.get_secret_value():
        generated = secrets.token_hex(16)
        err.print(
            f"No token was given; clients must send this one as api_key: {generated}", markup=False, soft_wrap=True
        )
        settings = settings.model_copy(update={"token": type(settings.token)(generated)})
    start(settings)
