"""The outcome of a seed prompt, as rows of results. Knows nothing of engines or files."""

from dataclasses import dataclass
from enum import StrEnum

from spar.method.records import Prompt, ReplyFailure


class EvolutionOutcome(StrEnum):
    """How an input row ended: the first that applies, in this order; every row has exactly one."""

    UNREADABLE = "unreadable"  # the row has no usable prompt
    REPEATED_SEED = "repeated_seed"  # an earlier row has the same prompt
    ENGINE_FAILED = "engine_failed"  # its shard failed in every attempt; a rerun retries it
    UNASKABLE = "unaskable"  # the teacher cannot take it: mostly, too long for it
    DECLINED = "declined"  # the teacher wrote None, as instructed for mathematics and programming
    EMPTY = "empty"
    CUT_OFF = "cut_off"
    UNPARSABLE = "unparsable"
    OFF_COUNT = "off_count"  # states that it added no constraint, or more than three, besides the main one
    UNCHANGED = "unchanged"  # the seed prompt again
    UNCHECKED = "unchecked"  # no check of it could be read
    UNANSWERABLE = "unanswerable"
    INCONSISTENT = "inconsistent"
    MAIN_UNUSED = "main_unused"
    REPEATED = "repeated"  # an earlier row evolved into the same prompt
    EVOLVED = "evolved"


FAILED_REPLIES: dict[ReplyFailure, EvolutionOutcome] = {
    ReplyFailure.EMPTY: EvolutionOutcome.EMPTY,
    ReplyFailure.CUT_OFF: EvolutionOutcome.CUT_OFF,
    ReplyFailure.UNPARSABLE: EvolutionOutcome.UNPARSABLE,
    ReplyFailure.UNCHANGED: EvolutionOutcome.UNCHANGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """One seed prompt and the teacher's last reply: a row of an evolve result.

    `text` is the evolved prompt, "" unless `outcome` is EVOLVED. `added` are the groups that the reply names besides
    the main one; None: it names none. `reason` adds details to the outcome.
    """

    prompt: Prompt
    main: str
    outcome: EvolutionOutcome
    text: str = ""
    added: tuple[str, ...] | None = None
    reply: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionCheck:
    """The verdicts of a reply on an evolved prompt; with a `failure` the reply is unreadable and the rest is unset."""

    reply: str
    answerable: bool = False
    consistent: bool = False
    main_used: bool = False
    failure: ReplyFailure | None = None

    @property
    def outcome(self) -> EvolutionOutcome:
        if self.failure is not None:
            return EvolutionOutcome.UNCHECKED
        if not self.answerable:
            return EvolutionOutcome.UNANSWERABLE
        if not self.consistent:
            return EvolutionOutcome.INCONSISTENT
        return EvolutionOutcome.EVOLVED if self.main_used else EvolutionOutcome.MAIN_UNUSED


@dataclass(frozen=True, slots=True)
class CheckedEvolution:
    """An evolution with its check: a row of a validate result. One that had already ended has no check."""

    evolution: Evolution
    outcome: EvolutionOutcome
    check: EvolutionCheck | None = None
    reason: str = ""
