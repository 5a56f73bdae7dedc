"""Refinement: the refiner judges each bad response, refines it once, and then judges its own work; so does an outside
judge, in the same words.

Its critique is its own greedy vote, whichever way that went. Knows no rules and no scores.
"""

from typing import Any

from spar.engines.base import ChatModel
from spar.engines.skills import JUDGE_NODE, Usage, judge, refine
from spar.evaluation.asking.base import Ask, Row, all_rows
from spar.evaluation.asking.llmbar import replies_of, vote_settings
from spar.evaluation.benchmarks.negatives import Negative, read_negatives
from spar.method.records import Node, Prompt
from spar.method.voting import critique_to_refine, never_drawn
from spar.recipes.models import SamplingSettings

REFINED = (0,)
"""Where a refinement would hang in a tree: its votes have their own seeds."""


async def ask(job: Ask, usage: Usage) -> list[Row]:
    """Rows of {item, refined, self, judge}; with a limit, of the first negatives."""
    negatives, _ = read_negatives(job.data)

    async def one(index: int, negative: Negative) -> Row:
        return {"item": index, **await _refined(job, negative, usage)}

    return await all_rows(one(index, negative) for index, negative in enumerate(negatives[: job.settings.limit]))


async def _refined(job: Ask, negative: Negative, usage: Usage) -> Row:
    prompt, settings = Prompt.of(negative.prompt), job.settings
    single = vote_settings(1, settings.judge_tokens)
    judgment = await judge(
        job.model, prompt, negative.response, job.templates, single, job.scope, JUDGE_NODE, (), usage
    )
    critique = critique_to_refine(judgment)
    if critique is None:
        failure = never_drawn(judgment)
        why = {} if failure is None else {"reason": judgment.votes[0].reply}
        return {"refined": None, "failure": failure.value if failure else "no_critique", **why}
    greedy = SamplingSettings(temperature=0.0, max_tokens=settings.max_tokens)
    root = Node((), negative.response, judgment)
    [found] = await refine(job.model, prompt, root, 1, 0, job.templates, greedy, job.scope, usage)
    row: dict[str, Any] = {"refined": found.text, "critique": critique}
    if found.text is None:
        return {**row, "failure": found.failure.value if found.failure else None}
    row["self"] = await _votes(job.model, job, prompt, found.text, usage)
    if job.judge is not None:
        row["judge"] = await _votes(job.judge, job, prompt, found.text, usage)
    return row


async def _votes(rater: ChatModel, job: Ask, prompt: Prompt, text: str, usage: Usage) -> list[str]:
    settings = vote_settings(job.settings.votes, job.settings.judge_tokens)
    judgment = await judge(rater, prompt, text, job.templates, settings, job.scope, JUDGE_NODE, REFINED, usage)
    return list(replies_of(judgment)["replies"])
