"""Counts votes: majority, quorum, ties and the value V, and asks again for votes that are missing.

Knows nothing of how a vote is obtained: `AskVotes` is injected. Rules: METHOD sections 2 and 3.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from spar.errors import AccountingError, RecipeError
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote

AskVotes = Callable[[int, int], Awaitable[Sequence[Vote]]]
"""(votes still missing, attempt number from 0) -> exactly that many votes, failed ones included."""


@dataclass(frozen=True, slots=True)
class VoteRules:
    """How many votes a judgment has, how many must be parsable, and how often missing ones are asked for again.

    The paper's judging of actor responses is quorum=1, retries=0.
    """

    votes: int = 5
    quorum: int = 3
    retries: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.quorum <= self.votes or self.retries < 0:
            raise RecipeError(
                f"A judgment of {self.votes} votes with quorum {self.quorum} and {self.retries} retries is impossible.",
                "Choose 1 <= quorum <= votes and retries >= 0.",
            )


def tally(votes: Sequence[Vote], quorum: int) -> Judgment:
    """Say what the votes say together. Parsable votes decide; failed ones stay in the record."""
    yes = sum(vote.verdict is Verdict.YES for vote in votes)
    no = sum(vote.verdict is Verdict.NO for vote in votes)
    value = yes / (yes + no) if yes + no else None
    if yes + no < max(quorum, 1):
        return Judgment(tuple(votes), None, JudgmentFailure.NO_QUORUM, value, None)
    if yes == no:
        return Judgment(tuple(votes), None, JudgmentFailure.TIED, value, None)
    label = Verdict.YES if yes > no else Verdict.NO
    return Judgment(tuple(votes), label, None, value, _first_reply(votes, label))


def critique_to_refine(judgment: Judgment) -> str | None:
    """The critique a refinement of this text starts from: the label's, or a tied text's first No.

    A tied node may be expanded, and only a No says what to refine. None only without a quorum.
    """
    if judgment.failure is JudgmentFailure.TIED:
        return _first_reply(judgment.votes, Verdict.NO)
    return judgment.critique


def never_drawn(judgment: Judgment) -> ReplyFailure | None:
    """The permanent failure that kept every vote from being drawn; None where any was drawn."""
    failures = {vote.failure for vote in judgment.votes}
    failure = failures.pop() if len(failures) == 1 else None
    return failure if failure is not None and failure.permanent else None


Settle = Callable[[Sequence[Vote], int], Judgment]
"""(votes, quorum) -> what they say together: `tally`, or what another policy makes of them."""


async def judge_until_quorum(ask: AskVotes, rules: VoteRules, settle: Settle = tally) -> Judgment:
    """Ask for votes, and again for the missing ones while there is no quorum and a retry is left; then settle them.

    Votes that failed permanently are not requested again.
    """
    votes: list[Vote] = []
    missing = rules.votes
    for attempt in range(rules.retries + 1):
        new = await ask(missing, attempt)
        if len(new) != missing:
            raise AccountingError(
                f"{missing} votes were asked for and {len(new)} came.",
                "Each vote needs a reply, even a failed one.",
            )
        votes += new
        missing -= sum(vote.verdict is not None for vote in new)
        if rules.votes - missing >= rules.quorum or all(vote.failure and vote.failure.permanent for vote in new):
            break
    return settle(votes, rules.quorum)


def _first_reply(votes: Sequence[Vote], verdict: Verdict) -> str | None:
    return next((vote.reply for vote in votes if vote.verdict is verdict), None)
