"""Why a run ended before its last iteration was done, as a type: what happened, what to do, and what the command that
ran it exits with. Knows nothing of who decides it.
"""

from enum import StrEnum
from typing import Any

from pydantic import model_validator

from spar.errors import BUG
from spar.messages.base import Wire
from spar.messages.coordinator import FailureReason

INTERRUPTED = 130
"""What a shell reports for a program that was stopped: nothing is wrong, and the run may be resumed."""


class EndReason(StrEnum):
    """What ended the run."""

    BUDGET = "budget"
    JUDGE_DRIFT = "judge_drift"  # the refiner and the rules disagree more than the recipe allows
    GUARDS = "guards"  # a guard found in an iteration's rows what no model should learn from
    CANARY = "canary"  # nothing of an iteration's first shards could be used
    FAILURES = "failures"  # an iteration lost more prompts to failures than the recipe allows
    NOTHING_LEARNED = "nothing_learned"  # an iteration has no row that either model could learn from
    DEAD_STEPS = "dead_steps"  # more prompts are in steps that failed for good than the recipe allows
    STEP = "step"  # a step that the whole iteration needs failed for good
    ENGINE = "engine"  # what serves a model stayed unavailable
    STORAGE = "storage"  # the store stayed unavailable, or took nothing
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


_FIXES = {
    EndReason.BUDGET: "Raise the cap that the reason names, in the recipe's section budget.",
    EndReason.JUDGE_DRIFT: "Look at the judgments with `spar explain`, and change the judge or its templates.",
    EndReason.GUARDS: "Look at the rows with `spar explain`, and correct what makes them so.",
    EndReason.CANARY: "Correct what the reason names.",
    EndReason.FAILURES: "Look at the errors with `spar status`, and remove their cause.",
    EndReason.NOTHING_LEARNED: "Look at the prompts with `spar explain`, and bring others or another judge.",
    EndReason.DEAD_STEPS: "Look at the errors with `spar dead list`, remove their cause, and resume the run.",
    EndReason.STEP: "Correct what the error names.",
    EndReason.ENGINE: "Look at the log of what serves the model, and start or mend it.",
    EndReason.STORAGE: "Look at the store's log, its free space and its credentials.",
    EndReason.LOST_RESULT: "Find out why the store loses objects, and check the run with `spar doctor RUN`.",
    EndReason.INTERNAL: BUG,
}
"""What to do where the end itself does not say more."""


class RunEnd(Wire):
    """`what` happened and how to `fix` it, for people; `failure` is the error behind it, where there is one."""

    reason: EndReason
    what: str
    fix: str = ""
    failure: FailureReason | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_fix(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("fix") and given.get("reason") in _FIXES:
            return {**given, "fix": _FIXES[EndReason(given["reason"])]}
        return given

    @property
    def exit_code(self) -> int:
        """As README lists them: 2 where something that was given must change, 3 for an engine or a service."""
        if self.failure is not None:
            return self.failure.exit_code
        return _EXIT_CODES.get(self.reason, 2)
