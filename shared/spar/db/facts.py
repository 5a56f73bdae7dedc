"""A step's facts out of its row: what its result took to make, and what it counted. The row holds them as JSON."""

from typing import TypeVar

from spar.db.tables import Step
from spar.messages.counts import BaseCounts
from spar.messages.facts import StepFacts

Counts = TypeVar("Counts", bound=BaseCounts)


def facts_of(step: Step) -> StepFacts:
    return StepFacts.read(step.facts)


def counts_of(step: Step, kind: type[Counts]) -> Counts:
    """`kind` is the record of `spar.messages.counts` that steps of this kind write."""
    return kind.of(facts_of(step).counts)
