"""Chooses the one bad response of a prompt that is refined, or returns the reason that there is none."""

from random import Random

from spar.method.outcomes import unusable
from spar.method.records import JudgedPrompt, JudgedResponse, JudgmentFailure, Outcome, Verdict


def choose_negative(judged: JudgedPrompt, seed: int) -> JudgedResponse | Outcome:
    """Draw one of the responses labelled No.

    Without one: TIED if a response tied, ALL_GOOD if one is labelled Yes; else no response got a quorum of votes
    (`unusable` says why).
    """
    bad = labelled(judged, Verdict.NO)
    if bad:
        return Random(seed).choice(bad)
    judgments = [response.judgment for response in judged.responses if response.judgment is not None]
    if any(judgment.failure is JudgmentFailure.TIED for judgment in judgments):
        return Outcome.TIED
    if any(judgment.label is Verdict.YES for judgment in judgments):
        return Outcome.ALL_GOOD
    return unusable(judged)


def good_and_whole(judged: JudgedPrompt) -> list[JudgedResponse]:
    """The responses labelled Yes that can be chosen: one that was cut off has no end to learn from, however good."""
    return [item for item in labelled(judged, Verdict.YES) if item.response.failure is None]


def labelled(judged: JudgedPrompt, label: Verdict) -> list[JudgedResponse]:
    """The responses with this label, in their order."""
    return [
        response for response in judged.responses if response.judgment is not None and response.judgment.label is label
    ]
