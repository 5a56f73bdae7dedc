"""The ledger's memory: what sessions of the one writer take for granted, and forget where a session fails."""

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session, select

from services.coordinator.coordinator import Coordinator
from services.coordinator.ledger import Ledger
from services.coordinator.ledger_memory import CountKey, LedgerMemory
from spar.db.tables import Orphan, Spending, Step, StepCount, StoredResult
from spar.messages.base import StepKind
from spar.messages.facts import StepFacts
from spar.messages.states import StepState
from tests.unit.coordinator.stage import Stage

READY = CountKey(1, StepKind.GENERATION, StepState.READY)
RUNNING = CountKey(1, StepKind.GENERATION, StepState.RUNNING)


@pytest.fixture
def run(stage: Stage) -> str:
    return stage.submit()


def test_counters_are_written_with_the_commit_in_one_statement(stage: Stage, run: str) -> None:
    written: list[str] = []
    event.listen(stage.database, "before_cursor_execute", lambda *args: written.append(args[2]))
    with Session(stage.database) as session, session.begin():
        ledger = Ledger(session)
        for step in session.exec(select(Step).where(Step.run_id == run)).all():
            ledger.move(step, StepState.RUNNING)
        before = ledger.counts(run)[RUNNING]
    assert before == 3
    assert sum("INTO step_count" in statement for statement in written) == 1
    stage.check_counters()


def test_a_session_that_fails_leaves_no_counter_behind(stage: Stage, run: str) -> None:
    message = stage.take()
    with pytest.raises(RuntimeError, match="broken"):
        fail_within_a_session(stage.coordinator, run)
    stage.finish(message)
    stage.check_counters()


def fail_within_a_session(coordinator: Coordinator, run: str) -> None:
    with coordinator._session() as ledger:
        for step in ledger.session.exec(select(Step).where(Step.run_id == run)).all():
            ledger.move(step, StepState.DEAD)
        raise RuntimeError("broken")


def test_later_sessions_do_not_read_the_counters_again(stage: Stage, run: str) -> None:
    memory = LedgerMemory()
    with Session(stage.database) as session:
        first = Ledger(session, memory).counts(run)
    read: list[str] = []
    event.listen(stage.database, "before_cursor_execute", lambda *args: read.append(args[2]))
    with Session(stage.database) as session:
        assert Ledger(session, memory).counts(run) == first
    assert read == []
    memory.forget()
    with Session(stage.database) as session:
        assert Ledger(session, memory).counts(run) == first
    assert len(read) == 1


def test_counting_anew_mends_counters_that_disagree(stage: Stage, run: str) -> None:
    with Session(stage.database) as session, session.begin():
        counter = session.get_one(StepCount, (run, 1, StepKind.GENERATION, StepState.DISPATCHED))
        counter.count = 99
        session.add(StepCount(run_id=run, iteration=1, kind=StepKind.TRAINING, state=StepState.DEAD, count=5))
    with Session(stage.database) as session, session.begin():
        assert Ledger(session).count_anew(run) == 3
    stage.restart()
    stage.check_counters()


def test_a_decision_reads_few_rows(stage: Stage) -> None:
    """Each step of a shard takes some seventeen statements: what decides nothing is not read."""
    prompts = {"source": "world:story", "per_iteration": 40, "shard_size": 2}
    stage.submit(prompts=prompts)
    statements = count_statements(stage.database)
    for _ in range(20):
        stage.finish(stage.take())
    assert len(statements) / 20 <= 18


def test_a_second_result_of_a_fingerprint_is_an_orphan(stage: Stage, run: str) -> None:
    facts = StepFacts()
    with Session(stage.database) as session, session.begin():
        ledger = Ledger(session)
        first = ledger.register_result("f" * 64, "results/f/a", 1, facts)
        assert first.key == ledger.register_result("f" * 64, "results/f/b", 2, facts).key == "results/f/a"
        ledger.register_result("f" * 64, "results/f/a", 1, facts)
    assert [orphan.key for orphan in stage.rows(Orphan)] == ["results/f/b"]
    [result] = stage.rows(StoredResult)
    assert (result.key, result.size, result.facts) == ("results/f/a", 1, facts.stored())


def test_spending_adds_up_over_sessions(stage: Stage, run: str) -> None:
    for _ in range(3):
        stage.finish(stage.take())
    [spending] = stage.rows(Spending)
    assert (spending.steps, spending.trainings, spending.calls, spending.completion_tokens) == (3, 0, 6, 12)


def count_statements(database: Engine) -> list[str]:
    found: list[str] = []
    event.listen(database, "before_cursor_execute", lambda *args: found.append(args[2]))
    return found


def test_what_another_coordinator_wrote_while_the_connection_was_lost_is_read(stage: Stage, run: str) -> None:
    """The lock lives with the connection: whoever finds it lost may find another's work, too."""
    away, messages = stage.coordinator, [stage.take() for _ in range(3)]
    stage.restart()
    stage.finish(messages[0])
    stage.coordinator = away
    stage.database.dispose()
    stage.finish(messages[1])
    stage.check_counters()
    stage.finish(messages[2])
    stage.check_counters()
