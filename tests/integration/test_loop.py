"""The same loop on Redis, PostgreSQL and S3, with each service in its own process; and its recovery from failures."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import Session, select

from spar.db.progress import RunProgress
from spar.db.tables import Event, Orphan, Step
from spar.messages.base import StepKind
from spar.messages.states import RunStatus
from spar.report.build import build_report
from tests import servers
from tests.end_to_end.simulated import facts_of, report_of, run, write_recipe
from tests.integration.stack import SERVICES, Stack, stack

pytestmark = pytest.mark.end_to_end

SLOW = {"kind": "simulated", "latency": 0.02}


@pytest.fixture
def running(stopped: Stack) -> Stack:
    stopped.start(*SERVICES)
    return stopped


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The result of the same recipe in one process."""
    folder = tmp_path_factory.mktemp("embedded")
    ended = run(["run", write_recipe(folder, engine=SLOW), "--dir", folder / "home"])
    assert ended.returncode == 0, ended.stderr
    return facts_of(report_of(folder / "home"))


def facts(running: Stack, run_id: str) -> list[object]:
    with Session(running.database) as session:
        return facts_of(build_report(session, running.store, run_id).model_dump(mode="json"))


def events(running: Stack) -> list[str]:
    with Session(running.database) as session:
        return [event.name for event in session.exec(select(Event))]


def in_flight(kind: StepKind) -> Callable[[RunProgress], bool]:
    return lambda progress: any(step.kind is kind and step.in_flight for step in progress.steps)


def test_a_stack_gives_the_same_result_as_one_process(running: Stack, embedded: list[object], tmp_path: Path) -> None:
    run_id = running.submit(write_recipe(tmp_path / "recipe", engine=SLOW))
    assert running.wait(run_id).status is RunStatus.FINISHED
    assert facts(running, run_id) == embedded


def test_killed_workers_and_coordinator_lose_nothing(running: Stack, embedded: list[object], tmp_path: Path) -> None:
    run_id = running.submit(write_recipe(tmp_path / "recipe", engine=SLOW))
    running.wait_for(run_id, in_flight(StepKind.REFINEMENT))
    running.kill("refinement")
    running.start("refinement")
    running.wait_for(run_id, lambda progress: progress.iteration == 2)
    running.kill("coordinator")
    running.kill("judgment", signal.SIGTERM)
    running.start("coordinator", "judgment")
    assert running.wait(run_id).status is RunStatus.FINISHED
    assert facts(running, run_id) == embedded


def test_an_emptied_redis_loses_nothing(
    running: Stack, embedded: list[object], redis_server: servers.RedisServer, tmp_path: Path
) -> None:
    run_id = running.submit(write_recipe(tmp_path / "recipe", engine=SLOW))
    running.wait_for(run_id, in_flight(StepKind.REFINEMENT))
    redis_server.restart(lose_data=True)
    assert running.wait(run_id).status is RunStatus.FINISHED
    assert facts(running, run_id) == embedded


def test_replicas_share_the_work(running: Stack, tmp_path: Path) -> None:
    running.start("refinement.2")
    run_id = running.submit(write_recipe(tmp_path / "recipe", engine=SLOW))
    assert running.wait(run_id).status is RunStatus.FINISHED
    with Session(running.database) as session:
        steps = session.exec(select(Step).where(Step.kind == StepKind.REFINEMENT)).all()
    assert {step.worker for step in steps} == {"refinement", "refinement.2"}


def test_two_runs_at_once_share_workers_and_results(
    tmp_path: Path, redis_server: servers.RedisServer, new_postgres_url: str, s3: servers.S3Server
) -> None:
    redis_server.flush()
    with stack(tmp_path, redis_server.url, new_postgres_url, s3) as made:
        made.environment["SPAR_RUNS_AT_ONCE"] = "2"
        made.start(*SERVICES)
        first = write_recipe(tmp_path / "first", engine=SLOW, iterations=1, name="first")
        second = tmp_path / "second.yaml"  # the same recipe under another name
        second.write_text(first.read_text().replace("name: first", "name: second"))
        runs = [made.submit(first), made.submit(second)]
        made.wait_for(runs[1], lambda run: run.status is RunStatus.RUNNING)
        for run_id in runs:
            assert made.wait(run_id).status is RunStatus.FINISHED
        with Session(made.database) as session:
            steps = session.exec(select(Step)).all()
            orphans = session.exec(select(Orphan)).all()
            reports = [build_report(session, made.store, run_id) for run_id in runs]
    mine, other = ([step for step in steps if step.run_id == run_id] for run_id in runs)
    assert {step.fingerprint for step in mine} == {step.fingerprint for step in other}
    # Every result was computed in one of the two runs, except those that both sent at the same moment.
    assert sum(not step.reused for step in steps) <= len(mine) + len(orphans)
    assert facts_of(reports[0].model_dump(mode="json"))[1:] == facts_of(reports[1].model_dump(mode="json"))[1:]
    assert [sum(report.iterations[1].outcomes.values()) for report in reports] == [60, 60]


def test_a_second_coordinator_says_why_it_exits(running: Stack, tmp_path: Path) -> None:
    run_id = running.submit(write_recipe(tmp_path / "recipe", engine=SLOW))
    running.wait_for(run_id, lambda progress: progress.status is RunStatus.RUNNING)  # by the first one
    running.start("coordinator.2")
    process = running.processes.pop("coordinator.2")
    assert process.wait(timeout=60) == 3
    assert "Another coordinator is at work" in running.log("coordinator.2")


def test_wrong_credentials_are_reported_at_once(
    tmp_path: Path, redis_url: str, new_postgres_url: str, s3: servers.S3Server
) -> None:
    """From an S3 that responds to every request with 403."""
    with stack(tmp_path, redis_url, new_postgres_url, s3) as made, s3.require_credentials():
        made.start("generation", "coordinator")
        for name in ("generation", "coordinator"):
            assert made.processes.pop(name).wait(timeout=60) == 3
            log = made.log(name)
            assert f"error: The object store at {s3.endpoint} refuses our credentials" in log
            assert "fix: Set the access key and the secret key" in log
            assert s3.secret_key not in log


def test_an_unreachable_store_is_reported_at_once(
    tmp_path: Path, redis_url: str, new_postgres_url: str, s3: servers.S3Server
) -> None:
    with stack(tmp_path, redis_url, new_postgres_url, s3) as made:
        made.environment["SPAR_S3_ENDPOINT"] = f"127.0.0.1:{servers.free_port()}"
        made.start("coordinator")
        assert made.processes.pop("coordinator").wait(timeout=60) == 3
        assert "cannot be reached" in made.log("coordinator")
