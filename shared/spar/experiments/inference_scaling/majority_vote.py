"""A judge's accuracy by the majority of its first k votes, for k up to all of them; and by one greedy vote.

Items are responses whose truth is known. A tie, or no readable vote, counts as wrong. Knows no search.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.evaluation.resampling import bootstrap
from spar.experiments.inference_scaling.tasks import JudgeItem
from spar.method.defaults import TEMPERATURE
from spar.method.records import Judgment, Prompt, Verdict, Vote
from spar.method.templates import TemplateSet
from spar.method.voting import tally
from spar.recipes.models import JudgmentSettings
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import SeedScope

MAJORITY_STEP = "sweep_majority"
"""Seed step of these votes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MajorityPoint:
    """`votes` 0 is the one greedy vote. `undecided` are ties and items without a readable vote."""

    votes: int
    accuracy: float
    low: float
    high: float
    undecided: int


async def majority_curve(
    chat: ChatModel, items: Sequence[JudgeItem], ks: Sequence[int], templates: TemplateSet, tokens: int, seed: int
) -> list[MajorityPoint]:
    """All votes of an item are drawn once, in one call; a smaller k uses the first of them."""

    async def votes(item: JudgeItem, n: int, temperature: float) -> Judgment:
        settings = JudgmentSettings(votes=n, quorum=1, retries=0, temperature=temperature, max_tokens=tokens)
        prompting = RefinerSettings(templates=templates, judgment=settings)
        judge = Refiner(chat=chat, settings=prompting, scope=SeedScope(seed=seed, iteration=0))
        return await judge.judge(Prompt.of(item.prompt), item.response, MAJORITY_STEP, n)

    greedy = await gather(votes(item, 1, 0.0) for item in items)
    sampled = await gather(votes(item, max(ks), TEMPERATURE) for item in items)
    return [_point(0, items, [each.votes for each in greedy])] + [
        _point(k, items, [each.votes[:k] for each in sampled]) for k in sorted(set(ks))
    ]


def _point(k: int, items: Sequence[JudgeItem], votes: Sequence[tuple[Vote, ...]]) -> MajorityPoint:
    labels = [tally(each, quorum=1).label for each in votes]
    right = [label is (Verdict.YES if item.good else Verdict.NO) for item, label in zip(items, labels, strict=True)]
    low, high = bootstrap([right], lambda strata: sum(strata[0]) / len(strata[0]))
    return MajorityPoint(votes=k, accuracy=sum(right) / len(right), low=low, high=high, undecided=labels.count(None))
