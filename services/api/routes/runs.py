"""Runs: the list, one run's progress, its report, its prompts with their replies."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlmodel import Session

from services.api.backend import Backend, Context
from services.api.errors import Refusal, refusals
from spar.commands import command
from spar.db.runs import RunDetail, RunSummary, list_runs
from spar.errors import DataError
from spar.method.records import Outcome
from spar.report.history import HistoryReader, PromptEntry, PromptHistory
from spar.report.kept import read_report
from spar.report.model import RunReport
from spar.report.page import render
from spar.report.profile.model import RunProfile
from spar.report.profile.read import read_profile

PAGE_PROMPTS, MOST_PROMPTS = 1000, 10_000
"""Prompts per page: the default, and the maximum."""
MOST_ITERATIONS, MOST_START = 1_000_000, 2**31
"""Far above any run's; larger numbers do not fit into every database's integers."""

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("")
def get_runs(context: Context) -> list[RunSummary]:
    """The newest thousand, newest first."""
    with context.session() as session:
        return list_runs(session, at_work=context.at_work)


@router.get("/{run_id}", responses=refusals(404))
def get_run(run_id: str, context: Context) -> RunDetail:
    """A run's progress, and its prompts' outcomes."""
    return context.detail(run_id)


@router.get("/{run_id}/report.json", responses=refusals(404))
def get_report(run_id: str, context: Context) -> RunReport:
    """The current report, whether or not the run has ended."""
    return _report(run_id, context)


@router.get("/{run_id}/report.html", responses=refusals(404), response_class=HTMLResponse)
def get_report_page(run_id: str, context: Context) -> HTMLResponse:
    """The report as one self-contained page."""
    return HTMLResponse(render(_report(run_id, context)))


@router.get("/{run_id}/profile", responses=refusals(404))
def get_profile(run_id: str, context: Context) -> RunProfile:
    """Where the run's time went by step and worker, what limits it, and what would help."""
    context.detail(run_id)
    with context.session() as session:
        try:
            return read_profile(session, run_id)
        except DataError as error:  # submitted, and not yet taken
            raise Refusal(404, error.what, error.fix) from error


@router.get("/{run_id}/prompts", responses=refusals(404))
def get_prompts(
    run_id: str,
    context: Context,
    outcome: Outcome | None = None,
    iteration: Annotated[int | None, Query(ge=-1, le=MOST_ITERATIONS)] = None,
    start: Annotated[int, Query(ge=0, le=MOST_START)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_PROMPTS)] = PAGE_PROMPTS,
) -> list[PromptEntry]:
    """The run's prompts with their outcomes, in order: one page of those that match, starting at number `start`."""
    context.detail(run_id)
    with context.session() as session:
        reader = _reader(session, context, run_id)
        return list(reader.entries(outcome and outcome.value, iteration, start, limit))


@router.get("/{run_id}/replies", responses=refusals(404))
def get_replies(run_id: str, context: Context, prompt: Annotated[str, Query(min_length=1)]) -> list[PromptHistory]:
    """Every step and every reply of one prompt, given by (the start of) its id or by its text, in each iteration."""
    context.detail(run_id)
    with context.session() as session:
        try:
            return _reader(session, context, run_id).find(prompt)
        except DataError as error:
            raise Refusal(404, error.what, error.fix) from error


def _reader(session: Session, context: Backend, run_id: str) -> HistoryReader:
    return HistoryReader(session, context.store, run_id, f"GET /runs/{run_id}/prompts, or {command('explain', run_id)}")


def _report(run_id: str, context: Context) -> RunReport:
    detail = context.detail(run_id)
    with context.session() as session:
        report = read_report(session, context.store, run_id, context.at_work)
    return report.model_copy(update={"next_step": detail.next_step})
