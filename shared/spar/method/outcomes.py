"""Counts how prompts ended. Every prompt has exactly one outcome, and the counts add up to the prompts."""

from collections import Counter
from collections.abc import Iterable

from spar.errors import AccountingError
from spar.method.records import Outcome


def count_outcomes(outcomes: Iterable[Outcome], prompts: int) -> dict[Outcome, int]:
    """How many prompts ended each way, every outcome named. Raises AccountingError unless they add up to `prompts`."""
    counted = Counter(outcomes)
    if counted.total() != prompts:
        raise AccountingError(
            f"{prompts} prompts ended in {counted.total()} outcomes.",
            "This is a bug: please report it with the run's database.",
        )
    return {outcome: counted[outcome] for outcome in Outcome}


def first_outcome(candidates: Iterable[Outcome]) -> Outcome:
    """The one that applies of several, in the order in which `Outcome` declares them."""
    applying = set(candidates)
    for outcome in Outcome:
        if outcome in applying:
            return outcome
    raise AccountingError("A prompt ended in no outcome.", "This is a bug: every prompt needs one.")
