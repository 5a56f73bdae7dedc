"""The report of an ended run: built once, read back, and built anew after whatever changes what it says."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from spar.db.dropped import mark_dropped
from spar.db.tables import Model, PromptOutcome, Run, Step
from spar.errors import StoreError
from spar.messages.base import StepKind
from spar.messages.states import RunStatus, StepState
from spar.report.build import build_report
from spar.report.kept import REVISION, read_report, report_identity
from spar.report.model import RunReport
from spar.store.directory import DirectoryStore
from spar.store.results import RUN_REPORTS
from tests.unit.report.test_build import Books, books, tree, whole

__all__ = ["books"]


class Counting(DirectoryStore):
    """Counts what is read; takes no writes if so."""

    def __init__(self, root: Path, read_only: bool = False) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self._read_only = read_only

    def get(self, key: str) -> bytes:
        self.read.append(key)
        return super().get(key)

    def put(self, key: str, data: bytes) -> None:
        if self._read_only:
            raise StoreError("The store takes no writes.", "Make it writable.")
        super().put(key, data)


def kept_keys(store: DirectoryStore) -> list[str]:
    return list(store.keys(RUN_REPORTS))


def test_the_second_reader_reads_the_report_alone(books: Books) -> None:
    whole(books)
    store = Counting(books.store.root)
    first = read_report(books.session, store, "r1")
    assert any("refinement" in key for key in store.read)
    store.read.clear()
    assert read_report(books.session, store, "r1") == first
    assert store.read == kept_keys(store)
    assert len(store.read) == 1
    assert first == build_report(books.session, store, "r1")


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.CANCELLING])
def test_of_a_run_that_is_on_nothing_is_kept(books: Books, status: RunStatus) -> None:
    whole(books)
    read_report(books.session, books.store, "r1")
    books.session.get_one(Run, "r1").status = status
    books.session.commit()
    store = Counting(books.store.root, read_only=True)
    assert read_report(books.session, store, "r1").status == status
    assert any("refinement" in key for key in store.read)


def _resumed(books: Books) -> None:
    books.session.get_one(Run, "r1").status = RunStatus.STOPPED


def _budget(books: Books) -> None:
    run = books.session.get_one(Run, "r1")
    run.recipe = {**run.recipe, "budget": {"calls": 7}}


def _recomputed(books: Books) -> None:
    step = books.session.exec(select(Step).where(Step.kind == StepKind.REFINEMENT, Step.part == "0")).one()
    step.remade += 1


def _replayed(books: Books) -> None:
    books.step(1, StepKind.REFINEMENT, "2", [tree("late", ((0,), "moss", 5))])


def _dropped(books: Books) -> None:
    mark_dropped(books.session.exec(select(Step).where(Step.state == StepState.DEAD)).one())


def _reselected(books: Books) -> None:
    outcome = books.session.get_one(PromptOutcome, ("r1", 1, 1))
    outcome.outcome = "duplicate"


def _moved(books: Books) -> None:
    books.session.get_one(Model, "a1").location = "dir:/elsewhere"


@pytest.mark.parametrize("change", [_resumed, _budget, _recomputed, _replayed, _dropped, _reselected, _moved])
def test_what_changes_the_run_makes_another_report(books: Books, change: Callable[[Books], None]) -> None:
    whole(books)
    books.step(1, StepKind.JUDGMENT, "7", [], state=StepState.DEAD, result_key=None)
    read_report(books.session, books.store, "r1")
    [before] = kept_keys(books.store)
    change(books)
    books.session.commit()
    store = Counting(books.store.root)
    assert read_report(books.session, store, "r1") == build_report(books.session, store, "r1")
    assert any("refinement" in key for key in store.read)
    [after] = kept_keys(books.store)  # the superseded one is removed
    assert after != before


def test_a_store_that_takes_no_writes_gives_the_same_report(books: Books) -> None:
    whole(books)
    store = Counting(books.store.root, read_only=True)
    assert read_report(books.session, store, "r1") == build_report(books.session, books.store, "r1")
    assert kept_keys(store) == []


def test_a_kept_report_that_was_damaged_is_built_and_kept_again(books: Books) -> None:
    whole(books)
    report = read_report(books.session, books.store, "r1")
    [key] = kept_keys(books.store)
    books.store.put(key, b"{")
    assert read_report(books.session, books.store, "r1") == report
    assert RunReport.model_validate_json(books.store.get(key)) == report


def test_no_run_no_identity(books: Books) -> None:
    assert report_identity(books.session, "r9") is None


def test_another_form_of_report_has_another_revision() -> None:
    """If this fails, raise REVISION in spar.report.kept and pin both: reports that are kept have the former form."""
    form = sha256(json.dumps(_without_words(RunReport.model_json_schema()), sort_keys=True).encode()).hexdigest()[:12]
    assert (REVISION, form) == (1, "c6100e7102ba")


def _without_words(schema: Any) -> Any:
    if isinstance(schema, dict):
        worded = {key for key in ("description", "title") if isinstance(schema.get(key), str)}
        return {key: _without_words(value) for key, value in schema.items() if key not in worded}
    return [_without_words(value) for value in schema] if isinstance(schema, list) else schema
