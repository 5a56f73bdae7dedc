"""`execution`: the prompt's checkers are run over the response; the value is the share that it passes (AutoIF).

One checker is one vote, and the result of running it is the vote's reply. A checker that fails is no vote. Running them
and confining them is done elsewhere (arXiv 2406.13542).
"""

from collections.abc import Sequence

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.records import Judgment, JudgmentFailure, ReplyFailure, Verdict, Vote

PASSED, BROKEN_RULE = "passed", "not passed"
_VERDICTS = {PASSED: Verdict.YES, BROKEN_RULE: Verdict.NO}


def _parse(reply: str, finish_reason: str, options: Options) -> Vote:
    verdict = _VERDICTS.get(reply)
    return Vote(reply, verdict, None if verdict else ReplyFailure.UNPARSABLE)


def _settle(votes: Sequence[Vote], quorum: int, options: Options) -> Judgment:
    """One working checker is enough: it states a fact, not an opinion that needs a quorum."""
    verdicts = [vote.verdict for vote in votes if vote.verdict is not None]
    if not verdicts:
        return Judgment(votes=tuple(votes), label=None, failure=JudgmentFailure.NO_QUORUM, value=None, critique=None)
    rate = verdicts.count(Verdict.YES) / len(verdicts)
    label = Verdict.YES if rate >= options["good"] else Verdict.NO
    return Judgment(votes=tuple(votes), label=label, failure=None, value=rate, critique=None)


EXECUTION = JudgingPolicy(name="execution", form=None, parse=_parse, settle=_settle, options={"good": 0.5})
