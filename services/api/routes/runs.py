"""Runs: the list, one run's progress, its report."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from services.api.backend import Context
from services.api.errors import refusals
from spar.db.runs import RunDetail, RunSummary, list_runs
from spar.report.build import build_report
from spar.report.model import RunReport
from spar.report.page import render

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("")
def get_runs(context: Context) -> list[RunSummary]:
    """The newest thousand, newest first."""
    with context.session() as session:
        return list_runs(session)


@router.get("/{run_id}", responses=refusals(404))
def get_run(run_id: str, context: Context) -> RunDetail:
    """How far it is, and how its prompts ended."""
    return context.detail(run_id)


@router.get("/{run_id}/report.json", responses=refusals(404))
def get_report(run_id: str, context: Context) -> RunReport:
    """The report as it stands, whether or not the run has ended."""
    return _report(run_id, context)


@router.get("/{run_id}/report.html", responses=refusals(404), response_class=HTMLResponse)
def get_report_page(run_id: str, context: Context) -> HTMLResponse:
    """The report as one self-contained page."""
    return HTMLResponse(render(_report(run_id, context)))


def _report(run_id: str, context: Context) -> RunReport:
    context.detail(run_id)
    with context.session() as session:
        return build_report(session, context.store, run_id)
