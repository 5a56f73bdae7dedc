"""Why a run ended before its last iteration was done, as a type: what happened, what to do, and what the command that
ran it exits with. Knows nothing of who decides it.
"""

from enum import StrEnum

from spar.messages.base import Wire
from spar.messages.coordinator import FailureReason

INTERRUPTED = 130
"""What a shell reports for a program that was stopped: nothing is wrong, and the run may be resumed."""


class EndReason(StrEnum):
    """What ended the run."""

    BUDGET = "budget"
    JUDGE_DRIFT = "judge_drift"  # the refiner and the rules disagree more than the recipe allows
    CANARY = "canary"  # nothing of an iteration's first shards could be used
    FAILURES = "failures"  # an iteration lost more prompts to failures than the recipe allows
    NOTHING_LEARNED = "nothing_learned"  # an iteration has no row that either model could learn from
    DEAD_STEPS = "dead_steps"  # more prompts are in steps that failed for good than the recipe allows
    STEP = "step"  # a step that the whole iteration needs failed for good
    ENGINE = "engine"  # what serves a model stayed unavailable
    STORAGE = "storage"  # results cannot be stored
    LOST_RESULT = "lost_result"  # the store lost what cannot be recomputed
    INTERNAL = "internal"  # a bug

    @property
    def by_outcomes(self) -> bool:
        """Decided by what became of the prompts: resuming the run retries those that failed."""
        return self in (EndReason.CANARY, EndReason.FAILURES, EndReason.NOTHING_LEARNED)


_EXIT_CODES = {
    EndReason.BUDGET: INTERRUPTED,
    EndReason.JUDGE_DRIFT: INTERRUPTED,
    EndReason.ENGINE: 3,
    EndReason.STORAGE: 3,
    EndReason.LOST_RESULT: 3,
    EndReason.INTERNAL: 1,
}


class RunEnd(Wire):
    """`what` happened and how to `fix` it, for people; `failure` is the error behind it, where there is one."""

    reason: EndReason
    what: str
    fix: str = ""
    failure: FailureReason | None = None

    @property
    def exit_code(self) -> int:
        """As README lists them: 2 where something that was given must change, 3 for an engine or a service."""
        if self.failure is not None:
            return self.failure.exit_code
        return _EXIT_CODES.get(self.reason, 2)
