"""How prompts ended: why one has nothing usable, and the counts of all. Every prompt has exactly one outcome, and the
counts add up to the prompts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spar.errors import AccountingError
from spar.method.records import JudgedPrompt, JudgedResponse, JudgmentFailure, Outcome, ReplyFailure, Tree
from spar.method.voting import never_drawn

NEVER_DRAWN = {ReplyFailure.REFUSED: Outcome.REFUSED, ReplyFailure.TOO_LONG: Outcome.CONTEXT_EXCEEDED}
"""Where these befell everything that was to be drawn."""


def count_outcomes(outcomes: Iterable[Outcome], prompts: int) -> dict[Outcome, int]:
    """The number of prompts by outcome, every outcome named. Raises AccountingError unless they sum to `prompts`."""
    counted = Counter(outcomes)
    if counted.total() != prompts:
        raise AccountingError(
            f"{prompts} prompts ended in {counted.total()} outcomes.",
            "This is a bug: please report it with the run's database.",
        )
    return {outcome: counted[outcome] for outcome in Outcome}


def first_outcome(candidates: Iterable[Outcome]) -> Outcome:
    """The one of several that applies: the first in the order of `Outcome`."""
    applying = set(candidates)
    for outcome in Outcome:
        if outcome in applying:
            return outcome
    raise AccountingError("A prompt ended in no outcome.", "This is a bug: every prompt needs one.")


def unusable(judged: JudgedPrompt) -> Outcome:
    """Why too few of a prompt's responses have a label: UNPARSABLE, unless none of the others could be drawn or judged
    at all."""
    failures = [failure for item in judged.responses if (failure := _failure(item)) is not None]
    return _never_drawn(failures) or Outcome.UNPARSABLE


def unsolved(tree: Tree) -> Outcome:
    """Why a search found no solution: UNSOLVED, unless none of its refinements could be drawn or judged at all."""
    grown = len(tree.nodes) > 1
    return (None if grown else _never_drawn(list(tree.failures))) or Outcome.UNSOLVED


def usable(judged: JudgedPrompt) -> bool:
    """Whether any response has a judgment: a label or a tie, or any text at all where responses are not judged."""
    return any(_failure(item) is None or _unjudged(item) for item in judged.responses)


def _unjudged(item: JudgedResponse) -> bool:
    return item.response.failure is None and (item.judgment is None or not item.judgment.votes)


def _failure(item: JudgedResponse) -> str | None:
    """Why a response has no label; None where it has one, or tied."""
    if item.judgment is not None and item.judgment.failure is not JudgmentFailure.NO_QUORUM:
        return None
    if item.judgment is None and item.response.failure is not None:
        return item.response.failure
    return (item.judgment and never_drawn(item.judgment)) or JudgmentFailure.NO_QUORUM


def _never_drawn(failures: Sequence[str]) -> Outcome | None:
    """The outcome, if every failure is permanent; of several the first in the order of `Outcome`."""
    if not failures or any(failure not in NEVER_DRAWN for failure in failures):
        return None
    return first_outcome(NEVER_DRAWN[ReplyFailure(failure)] for failure in failures)
