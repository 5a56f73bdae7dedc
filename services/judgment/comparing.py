"""Comparing a shard's judgments: the meta-judge's work. Which response is worth it, `spar.method.meta_judging` says."""

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.errors import AccountingError
from spar.messages.counts import ComparisonCounts
from spar.messages.judgment import Compare, ComparisonSpec
from spar.method.meta_judging import ComparedPrompt, most_contested
from spar.method.records import JudgedPrompt
from spar.method.templates.forms import PromptForm
from spar.recipes.policies import judging_policy
from spar.roles.meta_judge import MetaJudge
from spar.roles.usage import SeedScope, Usage
from spar.runtime.forms import read_form
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker


async def compare_shard(worker: Worker, command: Compare) -> StepOutput:
    """For each prompt whose judgments differ, all comparisons of the judgments of its most contested response."""
    spec, usage = command.spec, Usage()
    judged = await read_rows(worker.store, spec.judged, JudgedPrompt)
    form = await read_form(worker, spec.form)
    chat = await worker.chat(command.engine, spec.model)
    rows = [row for row in await gather(_compare(chat, row, form, spec, usage) for row in judged) if row is not None]
    counts = ComparisonCounts(
        compared=len(rows),
        unanimous=len(judged) - len(rows),
        matches=sum(len(row.matches) for row in rows),
        decided=sum(match.winner is not None for row in rows for match in row.matches),
    )
    return StepOutput(rows, usage, counts)


async def _compare(
    chat: ChatModel, row: JudgedPrompt, form: PromptForm | None, spec: ComparisonSpec, usage: Usage
) -> ComparedPrompt | None:
    read = judging_policy(spec.judgment.policy).read
    if read is None or form is None:
        raise AccountingError(f"Judgments by {spec.judgment.policy} cannot be compared.")
    contested = most_contested(row, read, spec.comparison.judgments)
    if contested is None:
        return None
    item, judgments = contested
    scope = SeedScope(seed=spec.seed, iteration=spec.iteration)
    judge = MetaJudge(chat=chat, form=form, settings=spec.comparison, scope=scope, usage=usage)
    matches = await judge.compare(row.prompt, item.response, judgments)
    return ComparedPrompt(row.prompt, item.response, judgments, tuple(matches))
