"""The short form of `make faults`: one kind per component, on one stack."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.evidence import Evidence
from tests.faults.kinds import BY_NAME, KINDS, SHORT
from tests.faults.stack import FaultStack, fault_stack
from tests.faults.trial import attempt, undisturbed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def faulty(folder: Path) -> Iterator[FaultStack]:
    with fault_stack(folder) as made:
        made.iterations = 1
        yield made


@pytest.fixture(scope="module")
def reference(faulty: FaultStack, folder: Path) -> Evidence:
    return undisturbed(faulty, folder / "recipes")


@pytest.mark.parametrize("name", SHORT)
def test_a_run_ends_as_expected_for_its_fault(name: str, faulty: FaultStack, reference: Evidence, folder: Path) -> None:
    row = attempt(faulty, BY_NAME[name], folder / "recipes", reference)
    assert not row.wrong, f"{row}\n{faulty.base.log('coordinator')}"


def test_each_kind_has_a_unique_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 60
