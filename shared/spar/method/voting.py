"""Counts votes: majority, quorum, ties and the value V; redraws votes without a quorum or a majority.

Knows nothing of how a vote is obtained: `DrawVotes` is injected. Source: arXiv 2412.11605, section 2.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from spar.errors import AccountingError, RecipeError
from spar.method.defaults import QUORUM, RETRIES, VOTES
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote

DrawVotes = Callable[[int, int], Awaitable[Sequence[Vote]]]
"""(votes to draw, attempt number from 0) -> exactly that many votes, failed ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRules:
    """The number of a judgment's votes, how many must be parsable, and what happens if they do not settle it.

    Missing votes are requested again, `retries` times, until there is a quorum; a tie is final. With `redraw` all votes
    are redrawn while they have no majority, in 1 + `retries` rounds. The paper's judging of actor responses is
    quorum=1, retries=0, that of nodes quorum=1, retries=2, redraw=True: that gives a borderline text three chances, and
    more false accepts (benchmarks/vote_rules.py).
    """

    votes: int = VOTES
    quorum: int = QUORUM
    retries: int = RETRIES
    redraw: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quorum <= self.votes or self.retries < 0:
            raise RecipeError(
                f"A judgment of {self.votes} votes with quorum {self.quorum} and {self.retries} retries is impossible.",
                "Choose 1 <= quorum <= votes and retries >= 0.",
            )


def tally(votes: Sequence[Vote], quorum: int) -> Judgment:
    """The judgment of the votes. Parsable votes decide; failed ones stay in the record."""
    yes = sum(vote.verdict is Verdict.YES for vote in votes)
    no = sum(vote.verdict is Verdict.NO for vote in votes)
    value = yes / (yes + no) if yes + no else None
    if yes + no < max(quorum, 1):
        return Judgment(votes=tuple(votes), label=None, failure=JudgmentFailure.NO_QUORUM, value=value, critique=None)
    if yes == no:
        return Judgment(votes=tuple(votes), label=None, failure=JudgmentFailure.TIED, value=value, critique=None)
    label = Verdict.YES if yes > no else Verdict.NO
    return Judgment(votes=tuple(votes), label=label, failure=None, value=value, critique=_first_reply(votes, label))


def critique_to_refine(judgment: Judgment) -> str | None:
    """The critique a refinement of this text starts from: the label's, or a tied text's first No.

    Only a root may be tied, a response that is refined anyway; only a No states what to refine. None only without a
    quorum.
    """
    if judgment.failure is JudgmentFailure.TIED:
        return _first_reply(judgment.votes, Verdict.NO)
    return judgment.critique


def never_drawn(judgment: Judgment) -> ReplyFailure | None:
    """The permanent failure that prevented every vote; None if any was drawn."""
    failures = {vote.failure for vote in judgment.votes}
    failure = failures.pop() if len(failures) == 1 else None
    return failure if failure is not None and failure.permanent else None


Settle = Callable[[Sequence[Vote], int], Judgment]
"""(votes, quorum) -> their judgment: `tally`, or another policy's."""


async def judge_until_quorum(draw: DrawVotes, rules: VoteRules, settle: Settle = tally) -> Judgment:
    """Draw votes by the rules, and settle them. Votes that failed permanently are not redrawn."""
    return await (_redraw if rules.redraw else _top_up)(draw, rules, settle)


async def _top_up(draw: DrawVotes, rules: VoteRules, settle: Settle) -> Judgment:
    """Draw the missing votes while there is no quorum and a retry is left."""
    votes: list[Vote] = []
    missing = rules.votes
    for attempt in range(rules.retries + 1):
        new = await _drawn(draw, missing, attempt)
        votes += new
        missing -= sum(vote.verdict is not None for vote in new)
        if rules.votes - missing >= rules.quorum or _hopeless(new):
            break
    return settle(votes, rules.quorum)


async def _redraw(draw: DrawVotes, rules: VoteRules, settle: Settle) -> Judgment:
    """Redraw all votes while they have no majority (a tie, or no quorum) and a round is left."""
    redrawn: list[Vote] = []
    for attempt in range(rules.retries):
        votes = await _drawn(draw, rules.votes, attempt)
        judgment = settle(votes, rules.quorum)
        if judgment.label is not None or _hopeless(votes):
            return replace(judgment, redrawn=tuple(redrawn))
        redrawn += votes
    judgment = settle(await _drawn(draw, rules.votes, rules.retries), rules.quorum)
    return replace(judgment, redrawn=tuple(redrawn))


async def _drawn(draw: DrawVotes, number: int, attempt: int) -> Sequence[Vote]:
    votes = await draw(number, attempt)
    if len(votes) != number:
        raise AccountingError(
            f"{number} votes were requested and {len(votes)} received.",
            "Each vote needs a reply, even a failed one.",
        )
    return votes


def _hopeless(votes: Sequence[Vote]) -> bool:
    return all(vote.failure and vote.failure.permanent for vote in votes)


def _first_reply(votes: Sequence[Vote], verdict: Verdict) -> str | None:
    return next((vote.reply for vote in votes if vote.verdict is verdict), None)
