"""What steps count is stored under the names that it always had, and read from what older homes hold."""

import pytest

from spar.messages.coordinator import StepFinished, StepUsage
from spar.messages.counts import (
    AuditCounts,
    BaseCounts,
    GenerationCounts,
    JudgmentCounts,
    MeasureCounts,
    RefinementCounts,
    ReplyCounts,
    ScoreCounts,
    SelectionCounts,
    ShardCounts,
    SuiteCounts,
    TrainingCounts,
)
from spar.messages.facts import StepFacts
from spar.method.guards import Figure, Guard
from spar.method.records import ReplyFailure
from spar.method.refiner_data import ExampleCounts
from spar.recipes.judge_audit import AuditFigures, AuditSource

AUDIT = AuditFigures(prompts=40, accepted=0.8, followed=0.5, gap=0.3, gap_low=0.2, gap_high=0.4, false_accept=0.2)
EXAMPLES = {"tree_yes": ExampleCounts(candidates=5, kept=3, dropped={"unanimous": 0, "over_cap": 2})}

STORED: list[tuple[BaseCounts, dict[str, float]]] = [
    (GenerationCounts(prompts=4, responses=20, unusable=1), {"prompts": 4, "responses": 20, "unusable": 1}),
    (JudgmentCounts(responses=20, votes=100, unusable=0), {"responses": 20, "votes": 100, "unusable": 0}),
    (RefinementCounts(trees=2, solved=1, nodes=9, unusable=0), {"trees": 2, "solved": 1, "nodes": 9, "unusable": 0}),
    (ReplyCounts(failed={"empty": 2}, adjusted={"seed": 1}), {"reply_empty": 2, "request_seed": 1}),
    (
        SelectionCounts(
            outcomes={"pair": 3, "all_good": 1},
            judge_pairs={"pair": 2, "equal": 1},
            examples=EXAMPLES,
            examples_too_long=1,
            examples_used=2,
            guards={Guard.SAME: Figure(value=0.25, rows=4)},
        ),
        {
            "outcome_pair": 3,
            "outcome_all_good": 1,
            "judge_pairs_pair": 2,
            "judge_pairs_equal": 1,
            "examples_tree_yes.candidates": 5,
            "examples_tree_yes.kept": 3,
            "examples_tree_yes.unanimous": 0,
            "examples_tree_yes.over_cap": 2,
            "examples_too_long": 1,
            "examples_used": 2,
            "guard.same": 0.25,
            "guard.same.rows": 4,
        },
    ),
    (
        TrainingCounts(samples=3, too_long=0, steps=2, tokens=10, resumed_from=0, step_seconds=0.5, loss=0.1),
        {"samples": 3, "too_long": 0, "steps": 2, "tokens": 10, "resumed_from": 0, "step_seconds": 0.5, "loss": 0.1},
    ),
    (ScoreCounts(scores={"average": 20.0, "level.1": 3.5}), {"score.average": 20.0, "score.level.1": 3.5}),
    (
        SuiteCounts(measures={"refine": MeasureCounts(rate=0.5, correct=1, total=2, failures=1)}),
        {"refine": 0.5, "refine.correct": 1, "refine.total": 2, "refine.failures": 1},
    ),
    (
        AuditCounts(sources={AuditSource.RESPONSE: AUDIT}),
        {
            "response.prompts": 40,
            "response.accepted": 0.8,
            "response.followed": 0.5,
            "response.gap": 0.3,
            "response.gap_low": 0.2,
            "response.gap_high": 0.4,
            "response.false_accept": 0.2,
        },
    ),
]


@pytest.mark.parametrize(("counts", "stored"), STORED, ids=[type(counts).__name__ for counts, _ in STORED])
def test_counts_are_stored_by_name_and_read_back(counts: BaseCounts, stored: dict[str, float]) -> None:
    assert counts.flat() == stored
    assert all(isinstance(number, float) for number in counts.flat().values())
    assert type(counts).of(stored) == counts
    beside = {**stored, "reply_unheard_of": 1.0}
    assert type(counts).of(beside).flat().items() >= stored.items()


def test_what_was_not_counted_is_neither_zero_nor_written() -> None:
    assert ShardCounts.of({"prompts": 4.0}).unusable is None
    assert ShardCounts(unusable=None).flat() == {}
    assert SelectionCounts.of({}).examples_too_long is None
    assert SelectionCounts().flat() == BaseCounts().flat() == {}
    unmeasured = SelectionCounts(guards={Guard.LENGTH_GAP: Figure(value=9.0, rows=0)})
    assert unmeasured.flat() == {}


def test_failed_replies_are_looked_up_by_their_type() -> None:
    assert ReplyCounts.of({"reply_cut_off": 3.0}).failed[ReplyFailure.CUT_OFF] == 3


def test_facts_are_stored_as_the_tables_always_had_them() -> None:
    report = StepFinished(
        step_id=1,
        attempt=1,
        worker="w",
        fingerprint="f",
        key="k",
        size=1,
        seconds=2.5,
        usage=StepUsage(calls=3, prompt_tokens=10, completion_tokens=5),
        counts={"loss": float("inf")},
    )
    stored = {
        "seconds": 2.5,
        "worker": "w",
        "usage": {"calls": 3, "prompt_tokens": 10, "completion_tokens": 5},
        "counts": {"loss": float("inf")},
    }
    assert StepFacts.of(report).stored() == stored
    assert StepFacts.read(stored) == StepFacts.of(report)


@pytest.mark.parametrize("stored", [{}, {"dropped": True}, {"counts": {"prompts": 2.0}}])
def test_facts_of_a_step_without_a_result_or_of_an_older_version_are_read(stored: dict[str, object]) -> None:
    facts = StepFacts.read(stored)
    assert (facts.seconds, facts.worker, facts.usage) == (None, None, StepUsage())
