"""`spar doctor RUN` finds each damage that is planted, mends what can be mended, and finds nothing where nothing is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from services.coordinator.coordinator import Coordinator
from spar.cli.main import main
from spar.db.engine import open_database
from spar.db.tables import Iteration, PromptOutcome, Run, Step, StepCount
from spar.messages.states import RunStatus, StepState
from spar.store.directory import DirectoryStore
from spar.store.results import RUN_REPORTS, put_blob, put_result
from tests.unit.coordinator.stage import NOTHING_EXPIRES, Stage
from tests.unit.upkeep.kept_run import played, train


@pytest.fixture
def home(tmp_path: Path) -> Path:
    stage, _ = played(tmp_path / "home")
    stage.database.dispose()
    shutil.rmtree(tmp_path / "home" / "work")
    shutil.move(tmp_path / "home" / "model", tmp_path / "model")
    return tmp_path / "home"


@pytest.fixture
def doctor(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call(*more: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["doctor", str(home), "--json", *more])
        return int(ended.value.code or 0), json.loads(capsys.readouterr().out)

    return call


Doctor = Callable[..., tuple[int, dict[str, Any]]]


def change(home: Path, work: Callable[[Session], None]) -> None:
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        work(session)
        session.commit()
    database.dispose()


def a_step(session: Session, kind: str) -> Step:
    return next(step for step in session.exec(select(Step)) if step.kind == kind)


def test_a_run_without_damage_has_no_findings(doctor: Doctor) -> None:
    code, found = doctor()
    assert (code, found["findings"]) == (0, [])
    assert doctor("--fix")[1]["done"] == []


def test_a_model_without_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its bytes are as they were written; a real engine would refuse it."""
    stage, _ = played(tmp_path / "home", engine={"kind": "transformers"})
    stage.database.dispose()
    (tmp_path / "home" / "model").rename(tmp_path / "model")
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["doctor", str(tmp_path / "home"), "--json"])
    assert ended.value.code == 1
    assert {found["check"] for found in json.loads(capsys.readouterr().out)["findings"]} == {"models"}


def wrong_counter(session: Session) -> None:
    for row in session.exec(select(StepCount)):
        row.count += 1


def lost_outcome(session: Session) -> None:
    session.delete(session.exec(select(PromptOutcome)).first())


def unknown_outcome(session: Session) -> None:
    session.exec(select(PromptOutcome)).first().outcome = "eaten"  # type: ignore[union-attr]


def no_result(session: Session) -> None:
    a_step(session, "judgment").result_key = None


def no_reason(session: Session) -> None:
    step = a_step(session, "generation")
    step.state = StepState.DEAD


def open_step(session: Session) -> None:
    a_step(session, "judgment").state = StepState.READY


def no_attempt(session: Session) -> None:
    step = a_step(session, "judgment")
    step.state, step.dispatched_at = StepState.RUNNING, None


def another_message(session: Session) -> None:
    step = a_step(session, "judgment")
    step.message = {**step.message, "step_id": 99}


def no_model(session: Session) -> None:
    session.exec(select(Iteration)).one().actor_after = None


def fewer_shards(session: Session) -> None:
    session.exec(select(Iteration)).one().shards += 1


def no_iteration(session: Session) -> None:
    session.exec(select(Run)).one().iteration = 7


def failed_without_reason(session: Session) -> None:
    session.exec(select(Run)).one().status = RunStatus.FAILED


BOOKS: dict[str, tuple[Callable[[Session], None], str, bool]] = {
    "a counter": (wrong_counter, "counters", True),
    "an outcome": (lost_outcome, "outcomes", True),
    "an unknown outcome": (unknown_outcome, "outcomes", True),
    "a step without a result": (no_result, "steps", True),
    "a dead step without a reason": (no_reason, "steps", False),
    "an open step of a finished run": (open_step, "steps", False),
    "a running step without an attempt": (no_attempt, "steps", False),
    "another step's message": (another_message, "steps", False),
    "an iteration without a model": (no_model, "steps", False),
    "an iteration with another number of shards": (fewer_shards, "steps", False),
    "a run in no iteration": (no_iteration, "steps", False),
    "a run that failed without a reason": (failed_without_reason, "steps", False),
}


@pytest.mark.parametrize("name", BOOKS)
def test_damaged_books(name: str, home: Path, doctor: Doctor) -> None:
    damage, check, mended = BOOKS[name]
    change(home, damage)
    code, found = doctor()
    assert code == 1
    assert check in {finding["check"] for finding in found["findings"]}
    assert all(finding["what"] and finding["where"] and finding["fix"] for finding in found["findings"])
    doctor("--fix")
    code, left = doctor()
    assert (check not in {finding["check"] for finding in left["findings"]}) == mended


def test_a_lost_or_altered_result_is_recomputed_and_the_run_then_finishes(home: Path, doctor: Doctor) -> None:
    store = DirectoryStore(home / "store")
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        keys = {kind: str(a_step(session, kind).result_key) for kind in ("generation", "judgment")}
        model = a_step(session, "training").fingerprint
    database.dispose()
    whole = store.get(keys["generation"])
    store.put(keys["generation"], whole + b"more")
    store.remove(keys["judgment"])
    store.remove(f"models/{model}/config.json")
    code, found = doctor()
    assert code == 1
    assert sorted(finding["check"] for finding in found["findings"]) == ["models", "objects", "objects"]
    code, mended = doctor("--fix")
    assert len(mended["done"]) == 4, mended["done"]

    stage = Stage(home)
    stage.coordinator = Coordinator(stage.database, stage.store, stage.broker, NOTHING_EXPIRES)
    stage.coordinator.tick()
    for queue in ("generation", "judgment"):
        message = stage.take(queue)
        stage.finish(message, put_result(stage.store, message["fingerprint"], whole).key)
    train(stage)
    assert stage.run_row().status is RunStatus.FINISHED
    stage.check_counters()
    stage.database.dispose()


def test_what_the_run_was_given_cannot_be_recomputed(home: Path, doctor: Doctor) -> None:
    store = DirectoryStore(home / "store")
    [key] = store.keys("templates")
    store.remove(key)
    for _ in range(2):
        code, found = doctor("--fix")
        assert code == 1
        [finding] = found["findings"]
        assert "run the recipe again" in finding["fix"]


def test_lost_shards_are_cut_again(home: Path, doctor: Doctor) -> None:
    store = DirectoryStore(home / "store")
    database = open_database(f"sqlite:///{home / 'spar.db'}")
    with Session(database) as session:
        given = session.exec(select(Run)).one().prompts
    database.dispose()
    cut = [key for key in store.keys("prompts") if key != given]
    before = {key: store.get(key) for key in cut}
    for key in cut:
        store.remove(key)
    assert doctor("--fix")[0] == 0
    assert {key: store.get(key) for key in cut} == before


def test_orphans_are_counted_and_only_they_are_removed(home: Path, doctor: Doctor) -> None:
    store = DirectoryStore(home / "store")
    before = list(store.keys(""))
    put_result(store, "f" * 64, b"of an attempt that came too late")
    store.put(f"models/{'e' * 64}/config.json", b"{}")
    store.put("notes/of-somebody-else.txt", b"x")
    code, found = doctor()
    assert code == 1
    [finding] = found["findings"]
    assert (finding["check"], len(finding["keys"])) == ("orphans", 2)
    assert doctor("--fix")[0] == 0
    assert list(store.keys("")) == sorted([*before, "notes/of-somebody-else.txt"])


def test_the_report_of_a_run_is_the_runs_and_of_no_run_an_orphan(home: Path, doctor: Doctor) -> None:
    with pytest.raises(SystemExit):
        main(["report", str(home)])
    store = DirectoryStore(home / "store")
    [kept] = store.keys(RUN_REPORTS)
    put_blob(store, f"{RUN_REPORTS}/gone/{'f' * 64}", b"of a run that is not here")
    [finding] = doctor()[1]["findings"]
    assert (finding["check"], len(finding["keys"])) == ("orphans", 1)
    assert doctor("--fix")[0] == 0
    assert list(store.keys(RUN_REPORTS)) == [kept]


def test_nothing_is_mended_while_something_runs(home: Path) -> None:
    from spar.embedded.home import Home

    with Home(home).lock(), pytest.raises(SystemExit) as ended:
        main(["doctor", str(home), "--fix"])
    assert ended.value.code == 2
