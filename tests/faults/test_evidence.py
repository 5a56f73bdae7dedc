"""Lost prompts, prompts counted twice and changed bytes are detected."""

from dataclasses import replace

from spar.messages.states import RunStatus
from tests.faults.evidence import Evidence, compare

WHOLE = Evidence(
    status=RunStatus.FINISHED,
    results={(1, "generation", "0"): "results/a/1", (1, "selection", ""): "results/b/2"},
    outcomes={(1, 0): "pair", (1, 1): "unsolved"},
    planned=2,
    repeated=0,
)


def test_the_same_run_differs_in_nothing() -> None:
    found = compare(WHOLE, WHOLE)
    assert (found.lost, found.twice, found.same_bytes) == (0, 0, True)


def test_a_prompt_without_an_outcome_is_lost() -> None:
    assert compare(replace(WHOLE, outcomes={(1, 0): "pair"}), WHOLE).lost == 1


def test_a_prompt_that_failed_is_lost_unless_it_also_fails_undisturbed() -> None:
    failed = replace(WHOLE, outcomes={(1, 0): "engine_failed", (1, 1): "unsolved"})
    assert compare(failed, WHOLE).lost == 1
    assert compare(failed, failed).lost == 0


def test_changed_bytes_are_named_by_their_step() -> None:
    found = compare(replace(WHOLE, results={**WHOLE.results, (1, "generation", "0"): "results/a/9"}), WHOLE)
    assert not found.same_bytes
    assert found.first == "1/generation/0"


def test_prompts_counted_twice_are_counted() -> None:
    assert compare(replace(WHOLE, repeated=3), WHOLE).twice == 3
