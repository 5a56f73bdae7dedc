"""Refinement of given negatives: its driver. The refiner judges each bad response, refines it once or by a search, and
then judges its own refinement; so do outside judges, with the same prompt.

Without a search the critique is the refiner's own greedy vote, whatever its verdict. Knows no rules and no scores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spar.engines.base import ChatModel
from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.refinement.negatives import WORLD, WORLD_ITEMS, Negative, read_negatives
from spar.evaluation.benchmarks.refinement.scoring import JUDGE, RATINGS, SELF, score
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, all_rows
from spar.evaluation.benchmarks.rows import count_lines
from spar.evaluation.benchmarks.votes import replies_of, vote_settings
from spar.method.records import Node, Prompt
from spar.method.voting import critique_to_refine, never_drawn
from spar.recipes.models import SamplingSettings
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import JUDGE_NODE, Usage

REFINED = (0,)
"""The path that a refinement would have in a tree: its votes have their own seeds."""


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """One item a line; of the story world as many as in the paper."""
    if str(data) == WORLD:
        number = WORLD_ITEMS if limit is None else min(limit, WORLD_ITEMS)
    else:
        number = count_lines(data, limit)
    return ItemCounts(items=number, judged=number)


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of {item, refined, self, judge, ratings}; with a limit, of the first negatives.

    Each model in turn over all items: an engine that serves one model at a time switches once per model.
    """
    negatives, _ = read_negatives(job.data)
    listed = negatives[: job.settings.limit]
    rows = await all_rows(_refined(job, index, negative, usage) for index, negative in enumerate(listed))
    for name, chat in _raters(job).items():
        rated = await all_rows(
            _rated(chat, job, negative, row, usage) for negative, row in zip(listed, rows, strict=True)
        )
        rows = [_with_rating(row, name, votes) for row, votes in zip(rows, rated, strict=True)]
    return rows


def _raters(job: BenchmarkRequest) -> dict[str, ChatModel]:
    return {SELF: job.model, **({} if job.judge is None else {JUDGE: job.judge}), **job.raters}


def _with_rating(row: Row, name: str, votes: Row) -> Row:
    if not votes:
        return row
    if name in (SELF, JUDGE):
        return {**row, name: votes["replies"]}
    return {**row, RATINGS: {**row.get(RATINGS, {}), name: votes["replies"]}}


async def _refined(job: BenchmarkRequest, index: int, negative: Negative, usage: Usage) -> Row:
    if job.refining is not None:
        return {"item": index, **await job.refining(negative.prompt, negative.response, usage)}
    return {"item": index, **await _refined_once(job, negative, usage)}


async def _refined_once(job: BenchmarkRequest, negative: Negative, usage: Usage) -> Row:
    prompt, settings = Prompt.of(negative.prompt), job.settings
    counted = settings.strategy != "actor"  # strategies are compared by their cost
    greedy = RefinerSettings(
        templates=job.templates,
        judgment=vote_settings(1, settings.judge_tokens),
        refinement=SamplingSettings(temperature=0.0, max_tokens=settings.max_tokens),
    )
    refiner = Refiner(chat=job.model, settings=greedy, scope=job.scope, usage=usage)
    judgment = await refiner.judge(prompt, negative.response, JUDGE_NODE)
    critique = critique_to_refine(judgment)
    if critique is None:
        failure = never_drawn(judgment)
        why = {} if failure is None else {"reason": judgment.votes[0].reply}
        return {"refined": None, "failure": failure.value if failure else "no_critique", **why, **_took(counted, 0)}
    root = Node(path=(), text=negative.response, judgment=judgment)
    [found] = await refiner.refine(prompt, root, n=1, attempt=0)
    row: dict[str, Any] = {"refined": found.text, "critique": critique, **_took(counted, 1)}
    if found.text is None:
        return {**row, "failure": found.failure.value if found.failure else None}
    return row


def _took(counted: bool, generations: int) -> Mapping[str, int]:
    """Refinements drawn and texts judged before the result was rated: the negative alone is judged."""
    return {"generations": generations, "judgments": 1, "votes": 1} if counted else {}


async def _rated(rater: ChatModel, job: BenchmarkRequest, negative: Negative, row: Row, usage: Usage) -> Row:
    """The rater's replies; empty if there is no refinement."""
    text = row["refined"]
    return {} if text is None else {"replies": await _votes(rater, job, negative.prompt, text, usage)}


async def _votes(rater: ChatModel, job: BenchmarkRequest, prompt: str, text: str, usage: Usage) -> Sequence[str]:
    votes = vote_settings(job.settings.votes, job.settings.judge_tokens)
    settings = RefinerSettings(templates=job.templates, judgment=votes)
    judge = Refiner(chat=rater, settings=settings, scope=job.scope, usage=usage)
    found = await judge.judge(Prompt.of(prompt), text, JUDGE_NODE, *REFINED)
    return list(replies_of(found)["replies"])


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
