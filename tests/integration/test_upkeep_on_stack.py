"""Archives and checks of a stack's run: its database is a real PostgreSQL, its store S3 over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from spar.cli.main import main
from spar.db.engine import COORDINATOR, only_one, open_database
from spar.db.migrate import migrate
from spar.db.tables import Step
from spar.embedded.restoring import restore_into
from spar.store.directory import DirectoryStore
from spar.store.s3 import S3Store
from spar.upkeep.archive import archive_run
from spar.upkeep.restore import put_objects, put_rows, read_contents
from tests.servers import S3Server
from tests.unit.upkeep.kept_run import played

BUCKET = "upkeep"


@pytest.fixture
def on_stack(
    tmp_path: Path, new_postgres_url: str, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, S3Store]:
    """The id of a finished run in a stack's database and store."""
    stage, run_id = played(tmp_path / "home")
    with Session(stage.database) as session:
        archive_run(tmp_path / "made", session, DirectoryStore(tmp_path / "home" / "store"), run_id, {})
    stage.database.dispose()
    contents = read_contents(tmp_path / "made")
    store: S3Store = s3.store(BUCKET)
    put_objects(contents, store, tmp_path)
    database = open_database(new_postgres_url)
    migrate(database)
    put_rows(contents, database, lambda: None)
    database.dispose()
    monkeypatch.setenv("SPAR_DATABASE_URL", new_postgres_url)
    named = {"ENDPOINT": s3.endpoint, "ACCESS_KEY": s3.access_key, "SECRET_KEY": s3.secret_key, "BUCKET": BUCKET}
    for name, value in named.items():
        monkeypatch.setenv(f"SPAR_S3_{name}", value)
    return run_id, store


def spar(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = spar("doctor", *arguments, "--stack", "--json")
    return code, json.loads(capsys.readouterr().out)


def test_a_stacks_run_is_archived_and_restored_into_a_home(on_stack: tuple[str, S3Store], tmp_path: Path) -> None:
    run_id, _ = on_stack
    assert spar("archive", run_id, str(tmp_path / "file"), "--stack") == 0
    assert restore_into(tmp_path / "file", tmp_path / "there").run_id == run_id
    made, there = read_contents(tmp_path / "made"), read_contents(tmp_path / "file")
    assert there.records == made.records


def test_a_stacks_run_is_checked_and_repaired_only_without_its_coordinator(
    on_stack: tuple[str, S3Store], new_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id, store = on_stack
    assert doctor(capsys, run_id) == (0, {"run": run_id, "findings": [], "done": [], "left": 0})
    database = open_database(new_postgres_url)
    with Session(database) as session:
        step = next(step for step in session.exec(select(Step)) if step.kind == "judgment")
        key = str(step.result_key)
    store.remove(key)
    store.put(f"results/{'f' * 64}/{'0' * 64}", b"of an attempt that is just being made")
    code, found = doctor(capsys, run_id)
    assert code == 1
    assert [key in finding["what"] for finding in found["findings"]] == [True]  # recent objects are not orphans
    with only_one(database, COORDINATOR):
        assert spar("doctor", run_id, "--stack", "--fix") == 3
    code, mended = doctor(capsys, run_id, "--fix")
    assert len(mended["done"]) == 2
    database.dispose()
