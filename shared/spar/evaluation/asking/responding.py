"""A prompt's response as it is measured: the actor's greedy one, or what a search makes of it.

The search at inference of arXiv 2412.11605, Table 1: the refiner judges the response, and where it says no, searches
refinements. Knows no benchmark.
"""

from typing import Any

from spar.engines.skills import JUDGE_NODE, Usage, judge, refine_tree, respond
from spar.evaluation.asking.base import Ask, Row, unless_too_long
from spar.method.records import Judgment, Prompt, Verdict
from spar.recipes.models import GenerationSettings, JudgmentSettings

ROOT = ()
"""A response is judged as the root of its tree, as `spar refine` does."""


async def response_to(job: Ask, text: str, usage: Usage) -> Row:
    """`response`, with `failure` if it was empty or cut off; with a search, `first` and how it ended."""

    async def asking() -> Row:
        prompt = Prompt.of(text)
        greedy = GenerationSettings(n=1, temperature=0.0, top_p=1.0, max_tokens=job.settings.max_tokens)
        [response] = (await respond(job.model, prompt, greedy, job.scope, usage)).responses
        row: dict[str, Any] = {"response": response.text}
        if response.failure is not None:
            return {**row, "failure": response.failure.value}
        if job.settings.search is None:
            return row
        return await _searched(job, prompt, response.text, usage)

    return await unless_too_long(asking, {"response": ""})


async def _searched(job: Ask, prompt: Prompt, first: str, usage: Usage) -> Row:
    refiner, search = job.need_refiner(), job.settings.search
    assert search is not None  # asked for by the caller
    votes = JudgmentSettings(max_tokens=job.settings.judge_tokens)
    judgment = await judge(refiner, prompt, first, job.templates, votes, job.scope, JUDGE_NODE, ROOT, usage)
    if judgment.label is not Verdict.NO:
        return {"response": first, "search": "not_needed" if judgment.label else "not_judged", "value": judgment.value}
    tree = await refine_tree(refiner, prompt, (first, judgment), job.templates, votes, search, job.scope, usage)
    best = None if tree.best is None else tree.node(tree.best)
    better = best is not None and best.value > _value(judgment)
    return {
        "response": best.text if best is not None and better else first,
        "first": first,
        "search": "solved" if tree.solved else "unsolved",
        "value": best.value if best is not None and better else judgment.value,
        "nodes": len(tree.nodes),
    }


def _value(judgment: Judgment) -> float:
    return 0.0 if judgment.value is None else judgment.value
