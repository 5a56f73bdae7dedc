"""One row: judge the response, search its refinements, and return the output row as plain data.

Knows nothing of files or of the other rows.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Any

from spar.engines.base import ChatModel
from spar.inference.batch.rows import InputRow
from spar.inference.batch.settings import RefineJob
from spar.method.records import Judgment, JudgmentFailure, Node, Prompt, Tree, Verdict
from spar.method.voting import never_drawn
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import SeedScope, Usage


class RowOutcome(StrEnum):
    """How a row ended; every row has exactly one."""

    SOLVED = "solved"
    UNSOLVED = "unsolved"
    ALL_GOOD = "all_good"  # the response was judged good: nothing to refine
    TIED = "tied"
    UNPARSABLE = "unparsable"  # no quorum of votes on the response
    REJECTED = "rejected"  # the row could not be read, or the model does not take it


Output = dict[str, Any]


async def search_row(chat: ChatModel, job: RefineJob, row: InputRow) -> Output:
    """The output row. Raises only EngineError: a fault of the row itself is its outcome."""
    if row.reason is not None:
        return _output(row, RowOutcome.REJECTED, Usage(), reason=row.reason, raw=row.raw)
    refiner = _refiner(chat, job)
    usage, prompt = refiner.usage, Prompt.of(row.prompt)
    judgment = await refiner.judge_node(prompt, row.response)
    if never_drawn(judgment) is not None:
        return _output(row, RowOutcome.REJECTED, usage, reason=judgment.votes[0].reply)
    if judgment.label is not Verdict.NO:
        return _output(row, _without_tree(judgment), usage, judgment=asdict(judgment))
    tree = await refiner.search(prompt, Node(path=(), text=row.response, judgment=judgment), policy_of(job.search))
    return _with_tree(row, tree, usage)


def _refiner(chat: ChatModel, job: RefineJob) -> Refiner:
    settings = RefinerSettings.for_search(templates=job.templates, judgment=job.judgment, search=job.search)
    return Refiner(chat=chat, settings=settings, scope=SeedScope(seed=job.seed, iteration=0))


def _without_tree(judgment: Judgment) -> RowOutcome:
    if judgment.label is Verdict.YES:
        return RowOutcome.ALL_GOOD
    return RowOutcome.TIED if judgment.failure is JudgmentFailure.TIED else RowOutcome.UNPARSABLE


def _with_tree(row: InputRow, tree: Tree, usage: Usage) -> Output:
    best = None if tree.best is None else tree.node(tree.best)
    return _output(
        row,
        RowOutcome.SOLVED if tree.solved else RowOutcome.UNSOLVED,
        usage,
        refined=best.text if best is not None and tree.solved else None,
        value=None if best is None else best.value,
        nodes=len(tree.nodes),
        tree=asdict(tree),
    )


def _output(row: InputRow, outcome: RowOutcome, usage: Usage, **facts: Any) -> Output:
    """Every row has the same first keys; the others depend on its outcome."""
    texts = {"prompt": row.prompt, "response": row.response} if row.reason is None else {}
    extra = {"extra": row.extra} if row.extra else {}
    used = {
        "calls": usage.calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "failures": dict(usage.failures),
        **({"estimated_tokens": usage.estimated_tokens} if usage.estimated_tokens else {}),
        **({"adjustments": dict(usage.adjustments)} if usage.adjustments else {}),
    }
    return {"line": row.line, "row": row.row, "outcome": outcome.value, **texts, **facts, **used, **extra}
