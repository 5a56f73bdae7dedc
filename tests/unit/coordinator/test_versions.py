"""A run that an older version began: steps that it had not finished are sent in this version's revision."""

from pathlib import Path

import pytest
from sqlmodel import Session, select

from services.coordinator.steps.rebuilding import renew
from spar.db.tables import Step, StepCount
from spar.errors import ConflictError
from spar.messages.generation import REVISION, Generate
from spar.messages.states import StepState
from tests.unit.coordinator.stage import Stage


def _age(stage: Stage) -> list[str]:
    """Take the run's steps back to ready, as a version with an earlier revision prepared them; their fingerprints."""
    with Session(stage.database) as session:
        steps = session.exec(select(Step)).all()
        for step in steps:
            step.message = {**step.message, "spec": {**step.message["spec"], "revision": REVISION - 1}}
            step.fingerprint = f"old-{step.id}"
            step.state = StepState.READY
            session.add(step)
        for count in session.exec(select(StepCount)).all():
            session.delete(count)
        first = steps[0]
        session.add(
            StepCount(run_id=first.run_id, iteration=1, kind=first.kind, state=StepState.READY, count=len(steps))
        )
        session.commit()
    return [f"old-{number}" for number in range(1, 4)]


def test_steps_of_an_older_revision_are_sent_in_this_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit()
    sent = [stage.broker.take("generation")["fingerprint"] for _ in range(3)]
    old = _age(stage)
    stage.restart()
    stage.coordinator.tick()
    again = [stage.broker.take("generation") for _ in range(3)]
    assert [Generate.model_validate(message).spec.revision for message in again] == [REVISION] * 3
    assert [message["fingerprint"] for message in again] == sent
    assert not {step.fingerprint for step in stage.steps()} & set(old)
    stage.check_counters()
    stage.database.dispose()


def test_a_message_that_this_version_cannot_read_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit()
    step = stage.steps()[0]
    step.message = {**step.message, "spec": {"revision": 0}}
    with pytest.raises(ConflictError, match="a version whose message this one cannot read"):
        renew(step)
    stage.database.dispose()


def test_a_message_of_this_version_stays_as_it_is(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.submit()
    step = stage.steps()[0]
    before = (step.fingerprint, dict(step.message))
    renew(step)
    assert (step.fingerprint, step.message) == before
    stage.database.dispose()
