"""`spar watch`: follows a run of the API until it ends. After a lost connection it resumes from the last event."""

import time
from typing import Annotated

import typer
from pydantic import TypeAdapter

from spar.cli.client import Api, ApiOption, connect
from spar.cli.console import err
from spar.cli.progress import Display, displaying
from spar.cli.run_end import print_end
from spar.db.progress import RunProgress
from spar.db.runs import RunDetail, RunEvent
from spar.errors import ServiceError
from spar.messages.states import RunStatus
from spar.report.next_step import resume_command

PATIENCE_S = 60.0  # long enough for an API to restart
RETRY_INTERVAL_S = 1.0
DETAIL: TypeAdapter[RunDetail] = TypeAdapter(RunDetail)
EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)


def watch(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run id or its start. [default: newest]")] = None,
    api: ApiOption = None,
) -> None:
    """Watch a run of the API until it ends. Ctrl-C stops watching, not the run."""
    with connect(api) as server:
        raise typer.Exit(follow(server, server.find(run)))


def follow(server: Api, run_id: str) -> int:
    """Watch to the end; returns the exit code for how the run ended."""
    server.detail(run_id)  # a wrong address, token or id is reported at once
    err.print(f"run {run_id}", markup=False, soft_wrap=True)
    with displaying() as display:
        progress = _until_ended(server, run_id, display)
    if progress.status is RunStatus.FINISHED:
        err.print("finished", style="bold green")
        return 0
    return print_end(progress, f"run `{resume_command(progress.end, progress.run_id)}`")


def _until_ended(server: Api, run_id: str, display: Display) -> RunProgress:
    last, heard = "", time.monotonic()
    while True:
        try:
            for event in server.events(run_id, last):
                last, heard = event.id or last, time.monotonic()
                if event.name == "happened":
                    happened = EVENT.validate_json(event.data)
                    display.event(happened.name, happened.fields)
                else:
                    progress = DETAIL.validate_json(event.data).progress
                    display.show(progress)
                    if event.name == "ended":
                        return progress
        except ServiceError:
            if time.monotonic() - heard > PATIENCE_S:
                raise
        time.sleep(RETRY_INTERVAL_S)
