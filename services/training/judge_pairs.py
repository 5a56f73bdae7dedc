"""Pairs of judgments out of an iteration's comparisons; `spar.method.meta_judging` decides which judgment is better."""

from spar.errors import AccountingError
from spar.messages.training import SelectionSpec, ShardComparisons
from spar.method.meta_judging import ComparedPrompt, JudgePairs, make_judge_pairs
from spar.method.records import Message
from spar.method.templates import TemplateSet
from spar.recipes.policies import judging_policy
from spar.roles.refiner import judge_messages
from spar.runtime.forms import read_form
from spar.runtime.steps import read_rows
from spar.runtime.worker import Worker


async def judge_pairs(worker: Worker, spec: SelectionSpec, templates: TemplateSet) -> JudgePairs:
    """None where nothing was compared."""
    if spec.compared is None:
        return JudgePairs(())
    if spec.judging is None or spec.judging.comparison is None:
        raise AccountingError("Judgments were compared, and the selection is not told how they were made.")
    policy = judging_policy(spec.judging.judgment.policy)
    form = await read_form(worker, spec.judging.form)

    def asked(prompt: str, response: str) -> tuple[Message, ...]:
        return judge_messages(policy, templates, form, prompt, response)

    rows: list[ComparedPrompt] = []
    for shard in await read_rows(worker.store, spec.compared, ShardComparisons):
        if shard.compared is not None:
            rows += await read_rows(worker.store, shard.compared, ComparedPrompt)
    return make_judge_pairs(rows, asked, spec.judging.comparison.max_chars)
