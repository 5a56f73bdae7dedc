"""The API's SQL on a real PostgreSQL: figures, lists, and keys that are used twice."""

from functools import partial

import pytest
from sqlmodel import Session

from services.api.routes import metrics
from spar.db.commands import append_command
from spar.db.engine import open_database
from spar.db.migrate import migrate
from spar.db.runs import list_runs, outcome_counts, read_detail
from spar.db.tables import Command, PromptOutcome, Run, Step, StepCount
from spar.errors import ConflictError
from spar.messages.base import StepKind
from spar.messages.commands import SUBMIT
from spar.messages.states import RunStatus, StepState

FACTS = {"seconds": 1.5, "usage": {"calls": 2, "prompt_tokens": 30, "completion_tokens": 4}}


def test_figures_lists_and_keys(new_postgres_url: str) -> None:
    database = open_database(new_postgres_url)
    migrate(database)
    step = {"run_id": "r", "iteration": 1, "kind": StepKind.GENERATION, "fingerprint": "f", "message": {}}
    with Session(database) as session:
        recipe = {"name": "n", "iterations": 2}
        session.add(Run(id="r", recipe=recipe, models={}, templates="", prompts="", status=RunStatus.RUNNING))
        session.commit()
        for part, reused in (("0", False), ("1", False), ("2", True)):
            session.add(Step(**step, part=part, state=StepState.DONE, facts=FACTS, worker="w", reused=reused))
        session.add(StepCount(run_id="r", iteration=1, kind=StepKind.GENERATION, state=StepState.DONE, count=3))
        session.add(PromptOutcome(run_id="r", iteration=1, position=0, prompt_id="p", outcome="pair"))
        session.commit()
    with Session(database) as session:
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for reader in (
                partial(metrics.run_counts, at_work=True),
                metrics.step_states,
                metrics.finished_work,
                metrics.trainings,
            )
            for family in reader(session)
            for sample in family.samples
        }
        assert samples["spar_steps_done_total", "generation", "w"] == 2
        assert samples["spar_step_seconds_total", "generation", "w"] == 3.0
        assert samples["spar_prompt_tokens_total", "generation", "w"] == 60
        assert samples["spar_runs", "running"] == 1
        assert samples["spar_steps", "generation", "done"] == 3
        assert [run.run_id for run in list_runs(session)] == ["r"]
        assert outcome_counts(session, "r") == {1: {"pair": 1}}
        detail = read_detail(session, "r")
        assert detail is not None
        assert detail.progress.steps[0].done == 3
        assert read_detail(session, "nobody") is None

    waiting = {"run_id": "later", "recipe": recipe}
    append_command(database, "key", SUBMIT, waiting)
    append_command(database, "key", SUBMIT, waiting)
    with pytest.raises(ConflictError):
        append_command(database, "key", SUBMIT, {"run_id": "other"})
    with Session(database) as session:
        assert len(session.exec(Command.__table__.select()).all()) == 1  # type: ignore[attr-defined]
        submitted = read_detail(session, "later")
        assert submitted is not None
        assert submitted.progress.status is RunStatus.QUEUED
    database.dispose()
