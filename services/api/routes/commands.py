"""Routes that change something: submit, cancel, resume, replay. Each stores one row in `command` before it responds."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Response

from services.api.backend import Backend, Context
from services.api.errors import Refusal, refusals
from services.api.form import SUBMISSION, Submitted
from services.api.receiving import recipe_of, without_upload_paths
from spar.data.readers.prompts import Reject
from spar.db.commands import append_command
from spar.db.runs import DeadLetter, dead_letters
from spar.db.tables import Run
from spar.errors import RecipeError
from spar.messages.commands import (
    CANCEL,
    DROP,
    REPLAY,
    RESUME,
    SUBMIT,
    DropCommand,
    ReplayCommand,
    ResumeCommand,
    RunCommand,
)
from spar.messages.states import RunStatus
from spar.recipes.init import init_prompts
from spar.recipes.rebudget import ChangedSections, changed_sections
from spar.submission.prepare import prepare

MAX_PROMPTS = 5_000_000
"""In one request: they are read or written while the client waits."""
SHOWN_REJECTS = 100
KEY = re.compile(r"[!-~]{1,100}")

router = APIRouter(prefix="/runs", tags=["commands"])
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Repeat a request with its key, and it is done once.",
        # Documented here, not enforced by FastAPI: our own error explains what a key is.
        json_schema_extra={"pattern": f"^{KEY.pattern}$"},
    ),
]


BudgetChanges = Annotated[
    list[str] | None,
    Body(alias="set", embed=True, description="Changes of its budget, failures or guards, such as budget.calls=5000."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The command is stored and will be executed in order."""

    run_id: str
    command: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRun:
    """The run is queued, or resumed if it exists. `rejects` are the first prompt rows that cannot be used. `notes`
    report what is left out of usable rows, such as later turns of conversations."""

    run_id: str
    key: str
    rejected: int
    rejects: tuple[Reject, ...]
    notes: tuple[str, ...]


@router.post("", status_code=202, openapi_extra=SUBMISSION, responses=refusals(400, 409, 413, 415, 422, 503))
def post_run(received: Submitted, context: Context, answer: Response, key: IdempotencyKey = None) -> AcceptedRun:
    """Submit a recipe: YAML or JSON alone, or a form with its files. Submitting the same recipe again resumes its
    run."""
    with recipe_of(received, context.settings.allow_paths) as recipe:
        if recipe.selfplay_prompts + sum(init_prompts(recipe)) > MAX_PROMPTS:
            raise RecipeError(
                f"The recipe asks for more than {MAX_PROMPTS:,} prompts in all.",
                "Lower iterations or prompts.per_iteration.",
            )
        prepared = prepare(recipe, context.store)
    kept = without_upload_paths(recipe, received).model_dump(mode="json")
    submission = prepared.submission.model_copy(update={"recipe": kept})
    accepted = _append(context, SUBMIT, submission.model_dump(mode="json"), key)
    answer.headers["Location"] = f"/runs/{submission.run_id}"
    rejects = prepared.rejects
    return AcceptedRun(
        run_id=submission.run_id,
        key=accepted,
        rejected=len(rejects),
        rejects=rejects[:SHOWN_REJECTS],
        notes=prepared.notes,
    )


@router.post("/{run_id}/cancel", status_code=202, responses=refusals(404, 409))
def post_cancel(run_id: str, context: Context, key: IdempotencyKey = None) -> Accepted:
    """Cancel a run: no more steps are sent, those in flight end, all results are kept."""
    ended = (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.STOPPED)
    _refuse_if(context, run_id, ended, "there is nothing to cancel")
    return _accept(context, CANCEL, RunCommand(run_id=run_id), key)


@router.post("/{run_id}/resume", status_code=202, responses=refusals(404, 409))
def post_resume(run_id: str, context: Context, changes: BudgetChanges = None, key: IdempotencyKey = None) -> Accepted:
    """Resume a cancelled, failed or stopped run, with a higher budget if one is given; has no effect on a running
    one."""
    _refuse_if(context, run_id, (RunStatus.FINISHED,), "there is nothing to resume")
    changed = _changed(context, run_id, changes)
    command = ResumeCommand(run_id=run_id, budget=changed.budget, failures=changed.failures, guards=changed.guards)
    return _accept(context, RESUME, command, key)


@router.get("/{run_id}/dead-letters", tags=["runs"], responses=refusals(404))
def get_dead_letters(run_id: str, context: Context) -> list[DeadLetter]:
    """The steps that failed for good, each with its reason."""
    context.detail(run_id)
    with context.session() as session:
        return dead_letters(session, run_id)


@router.post("/{run_id}/dead-letters/replay", status_code=202, responses=refusals(404, 409))
def post_replay(run_id: str, context: Context, steps: list[int] | None = None, key: IdempotencyKey = None) -> Accepted:
    """Retry dead letters: all that were not dropped, or the steps with the ids in the body."""
    wanted = _dead(context, run_id, steps)
    return _accept(context, REPLAY, ReplayCommand(run_id=run_id, steps=wanted), key)


@router.post("/{run_id}/dead-letters/drop", status_code=202, responses=refusals(404, 409))
def post_drop(run_id: str, context: Context, steps: list[int] | None = None, key: IdempotencyKey = None) -> Accepted:
    """Leave dead letters dead, all of them or the steps with the ids in the body: their prompts keep their outcomes."""
    wanted = _dead(context, run_id, steps)
    return _accept(context, DROP, DropCommand(run_id=run_id, steps=wanted), key)


def _dead(context: Backend, run_id: str, steps: list[int] | None) -> tuple[int, ...]:
    """The selected steps; None: all that are dead and not dropped."""
    context.detail(run_id)
    with context.session() as session:
        letters = dead_letters(session, run_id)
    known = {letter.step for letter in letters}
    wanted = {letter.step for letter in letters if not letter.dropped} if steps is None else set(steps)
    if not wanted or not wanted <= known:
        strangers = ", ".join(str(step) for step in sorted(wanted - known)[:5])
        what = f"Run {run_id} has no dead letters {strangers}".strip()
        raise Refusal(409, f"{what}.", f"List them: GET /runs/{run_id}/dead-letters.")
    return tuple(sorted(wanted))


def _refuse_if(context: Backend, run_id: str, statuses: tuple[RunStatus, ...], why: str) -> None:
    status = context.detail(run_id).progress.status
    if status in statuses:
        raise Refusal(409, f"Run {run_id} is {status}: {why}.", f"See how it stands: GET /runs/{run_id}.")


def _changed(context: Backend, run_id: str, changes: list[str] | None) -> ChangedSections:
    with context.session() as session:
        run = session.get(Run, run_id)
        return changed_sections({} if run is None else run.recipe, changes or [])


def _accept(
    context: Backend, kind: str, command: RunCommand | ResumeCommand | ReplayCommand | DropCommand, key: str | None
) -> Accepted:
    return Accepted(
        run_id=command.run_id, command=kind, key=_append(context, kind, command.model_dump(mode="json"), key)
    )


def _append(context: Backend, kind: str, payload: dict[str, Any], key: str | None) -> str:
    """Store the command; returns its key, a new one unless the request has one."""
    if key is not None and not KEY.fullmatch(key):
        raise Refusal(422, "The Idempotency-Key is not one.", "Send 1 to 100 visible ASCII characters, such as a UUID.")
    key = key or uuid.uuid4().hex
    append_command(context.database, f"api:{key}", kind, payload)
    return key
