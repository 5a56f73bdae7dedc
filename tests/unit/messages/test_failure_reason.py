"""Why an attempt failed, as it travels: one reason for each type of error, whatever subclass was raised."""

import pytest

from spar import errors
from spar.engines.vllm_server.server import NotReadyInTime
from spar.errors import ObjectMissing, SparError
from spar.messages.coordinator import REPORT, FailureReason, StepFailed

BASES = {"SparError", "ObjectLost"}  # never raised themselves
RAISED = [kind for name, kind in vars(errors).items() if isinstance(kind, type) and name not in BASES]


@pytest.mark.parametrize("kind", RAISED)
def test_every_error_of_the_tree_has_a_reason_of_its_own(kind: type[SparError]) -> None:
    assert FailureReason.of(kind("what")) == kind.__name__


def test_a_subclass_counts_as_what_it_is() -> None:
    assert FailureReason.of(NotReadyInTime("slow")) is FailureReason.ENGINE_UNAVAILABLE


def test_what_is_none_of_ours_is_unexpected() -> None:
    assert FailureReason.of(ValueError("x")) is FailureReason.UNEXPECTED


def test_a_reason_travels_as_its_name() -> None:
    reason = FailureReason.of(ObjectMissing("gone", key="results/x/aa"))
    failed = StepFailed(step_id=1, attempt=1, worker="w", reason=reason, error="gone", retry=True, lost="results/x/aa")
    told = failed.model_dump(mode="json")
    assert (told["reason"], told["lost"]) == ("ObjectMissing", "results/x/aa")
    assert REPORT.validate_python(told) == failed
