"""The guards before training: what a selection measured of its rows, held against the recipe when it is booked.

Contamination is measured here, since which prompts the evaluation uses is no input of a selection. A bound is part of
no spec, so another one computes nothing again. Whether a run stops, `flow` decides.
"""

from collections.abc import Sequence

from spar.messages.counts import SelectionCounts
from spar.messages.endings import EndReason, RunEnd
from spar.messages.facts import StepFacts
from spar.messages.training import PromptEnd
from spar.method.guards import Guard, share
from spar.method.records import Outcome
from spar.recipes.guards import GuardFinding, Mark, beyond, fix, reason
from spar.recipes.init import iteration_name

LEARNED = (Outcome.PAIR, Outcome.EXAMPLE)
"""The ends of prompts that the actor learns from."""


def with_contamination(facts: StepFacts, ends: Sequence[PromptEnd], evaluated: frozenset[str]) -> StepFacts:
    """The selection's facts, and how many of its rows for the actor have a prompt that the evaluation uses."""
    found = share(end.prompt_id in evaluated for end in ends if end.outcome in LEARNED)
    added = SelectionCounts(guards={Guard.CONTAMINATED: found}).flat()
    return facts.model_copy(update={"counts": {**facts.counts, **added}})


def guarded(iteration: int, found: Sequence[GuardFinding]) -> RunEnd | None:
    """Why the run stops before it trains, if the recipe wants that."""
    failed = beyond(found, Mark.FAIL)
    if not failed:
        return None
    return RunEnd(reason=EndReason.GUARDS, what=reason(iteration_name(iteration), failed), fix=fix(failed))
