"""The guards before training: what a selection measured of its rows, held against the recipe when it is booked.

Contamination is measured here, since which prompts the evaluation uses is no input of a selection. A bound is part of
no spec, so another one computes nothing again. Whether a run stops, `flow` decides.
"""

from collections.abc import Mapping, Sequence

from spar.messages.endings import EndReason, RunEnd
from spar.messages.training import PromptEnd
from spar.method.guards import Guard, share
from spar.method.records import Outcome
from spar.recipes.guards import GuardFinding, Mark, as_counts, beyond, fix, reason
from spar.recipes.init import iteration_name

LEARNED = (Outcome.PAIR, Outcome.EXAMPLE)
"""The ends of prompts that the actor learns from."""


def with_contamination(
    counts: Mapping[str, float], ends: Sequence[PromptEnd], evaluated: frozenset[str]
) -> dict[str, float]:
    """The selection's counts, and how many of its rows for the actor have a prompt that the evaluation uses."""
    found = share(end.prompt_id in evaluated for end in ends if end.outcome in LEARNED)
    return {**counts, **as_counts({Guard.CONTAMINATED: found})}


def guarded(iteration: int, found: Sequence[GuardFinding]) -> RunEnd | None:
    """Why the run stops before it trains, if the recipe wants that."""
    failed = beyond(found, Mark.FAIL)
    if not failed:
        return None
    return RunEnd(reason=EndReason.GUARDS, what=reason(iteration_name(iteration), failed), fix=fix(failed))
