"""Whether the outcomes of an iteration's prompts are a reason to stop the run: pure arithmetic over outcomes.

A run that achieved nothing must not look like success. Knows no tables, no replies and nothing of what follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spar.messages.coordinator import FailureReason
from spar.messages.endings import EndReason, RunEnd
from spar.messages.reasons import OUTCOMES
from spar.method.outcomes import NEVER_DRAWN
from spar.method.records import Outcome, ReplyFailure
from spar.recipes.init import iteration_name
from spar.recipes.models import FailureSettings

FAILURES = (
    Outcome.ENGINE_FAILED,
    Outcome.UNPARSABLE,
    Outcome.REFUSED,
    Outcome.CONTEXT_EXCEEDED,
    Outcome.TOO_LONG,
)
"""Prompts lost to causes that can be removed, not to what the models can do."""

CANARY_PROMPTS = 8
"""Fewer than these could all fail by chance: a canary then has more shards."""

FIXES: Mapping[Outcome, str] = {
    outcome: OUTCOMES[outcome].fix
    for outcome in (
        *FAILURES,
        Outcome.ALL_GOOD,
        Outcome.UNSOLVED,
        Outcome.TIED,
        Outcome.EQUAL_SCORES,
        Outcome.CONTAMINATED,
        Outcome.DUPLICATE,
    )
}
"""What to do about the most frequent outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """An iteration's first shards, which are evaluated before the others are sent.

    `open` of them have not finished generation and judgment; of `prompts`, `unusable` yielded nothing, None where a
    result does not say. `failure` and `error` are of a step that failed for good, `replies` counts failed replies.
    """

    shards: int
    prompts: int
    open: int
    unusable: int | None = None
    failure: FailureReason | None = None
    error: str = ""
    replies: Mapping[ReplyFailure, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadPrompts:
    """So many `prompts` of the run's `of` are in steps that failed for good and were not dropped."""

    prompts: int = 0
    of: int = 0


def dead_end(dead: DeadPrompts, settings: FailureSettings, error: str, failure: FailureReason) -> RunEnd | None:
    """Why the run stops now that another shard's step has failed for good."""
    if dead.prompts <= settings.dead_shards * dead.of:
        return None
    what = (
        f"steps that failed for good hold {dead.prompts} of the run's {dead.of} prompts, more than "
        f"failures.dead_shards allows ({settings.dead_shards:g}); the last one: {error}"
    )
    fix = (
        "Correct what the error names: resuming the run tries its dead steps again. Or accept the loss with "
        f"failures.dead_shards={_rounded_up(dead.prompts / dead.of) if dead.of else '1'}, or with `spar dead drop`."
    )
    return RunEnd(reason=EndReason.DEAD_STEPS, what=what, fix=fix, failure=failure)


def canary_shards(shard_size: int, shards: int) -> int:
    return min(shards, -(-CANARY_PROMPTS // shard_size))


def failed_canary(canary: Canary, iteration: int) -> RunEnd | None:
    """Why the run stops; None while the canary is in progress, and once anything of it can be used."""
    if canary.open or canary.unusable != canary.prompts:
        return None
    of = f"{canary.prompts} prompts of {iteration_name(iteration)}, sent ahead of the others"
    if canary.failure is not None:
        what = f"the first {of}, all failed: {canary.error}"
        return RunEnd(reason=EndReason.CANARY, what=what, fix="Correct what the error names.", failure=canary.failure)
    worst = max(canary.replies, key=lambda failure: canary.replies[failure], default=ReplyFailure.UNPARSABLE)
    what = f"none of the first {of}, has replies that can be used ({_listed(canary.replies)})"
    return RunEnd(reason=EndReason.CANARY, what=what, fix=FIXES[NEVER_DRAWN.get(worst, Outcome.UNPARSABLE)])


def shortfall(
    iteration: int,
    outcomes: Mapping[Outcome, int],
    learned: int,
    settings: FailureSettings,
    failure: FailureReason | None = None,
) -> RunEnd | None:
    """Why the run stops after its selection; `learned` rows are there to learn from, `failure` is that of a dead
    step."""
    prompts, failed = sum(outcomes.values()), {outcome: outcomes.get(outcome, 0) for outcome in FAILURES}
    lost = sum(failed.values())
    if lost_share(outcomes) > settings.most:
        worst = max(failed, key=lambda outcome: failed[outcome])
        what = (
            f"{iteration_name(iteration)} lost {lost} of {prompts} prompts to failures ({_listed(failed)}), more than "
            f"failures.most allows ({settings.most:g})"
        )
        fix = f"{FIXES[worst]} Or accept the loss with failures.most={_rounded_up(lost / prompts)}."
        return RunEnd(
            reason=EndReason.FAILURES, what=what, fix=fix, failure=failure if worst is Outcome.ENGINE_FAILED else None
        )
    if prompts and not learned and settings.nothing_learned == "stop":
        worst = max(outcomes, key=lambda outcome: outcomes[outcome])
        what = f"{iteration_name(iteration)} has nothing to learn from: of {prompts} prompts {_listed(outcomes)}"
        fix = FIXES.get(worst, "Look at the prompts with `spar explain`.")
        return RunEnd(
            reason=EndReason.NOTHING_LEARNED,
            what=what,
            fix=f"{fix} Or continue with failures.nothing_learned=continue.",
        )
    return None


def lost_share(outcomes: Mapping[Outcome, int]) -> float:
    """How many of the prompts ended in a failure."""
    prompts = sum(outcomes.values())
    return sum(outcomes.get(outcome, 0) for outcome in FAILURES) / prompts if prompts else 0.0


def _listed(outcomes: Mapping[Any, int]) -> str:
    """The most frequent first."""
    ranked = sorted(((number, outcome) for outcome, number in outcomes.items() if number), key=lambda each: -each[0])
    return ", ".join(f"{number} {outcome}" for number, outcome in ranked)


def _rounded_up(share: float) -> str:
    return f"{min(1.0, (int(share * 100) + 1) / 100):g}"
