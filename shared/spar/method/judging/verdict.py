"""`verdict`: each reply states Yes or No, the majority decides, V is the share of Yes (docs/method.md). The default."""

from collections.abc import Sequence

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.records import Judgment, Vote
from spar.method.verdicts import parse_vote
from spar.method.voting import tally


def _parse(reply: str, finish_reason: str, options: Options) -> Vote:
    return parse_vote(reply, finish_reason)


def _settle(votes: Sequence[Vote], quorum: int, options: Options) -> Judgment:
    return tally(votes, quorum)


VERDICT = JudgingPolicy(name="verdict", form="judge", parse=_parse, settle=_settle, votes_only=True)
