"""An audit of the refiner's judging: read what an iteration judged, check a sample by rules, have an outside judge
vote.

`spar.evaluation` defines how items are found and measured; the coordinator decides what is an alarm.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from spar.aio import gather
from spar.data.readers.verifiable_prompts import RuledPrompt
from spar.errors import AccountingError, DataError
from spar.evaluation.benchmarks.votes import vote_settings
from spar.evaluation.constraint_rules import CheckText, RulesFor, ifeval_rules, story_rules
from spar.evaluation.judge_audit import Audited, audit, draw
from spar.evaluation.judge_audit_measures import summarize
from spar.messages.counts import AuditCounts
from spar.messages.evaluation import Evaluate, JudgeAuditSpec
from spar.messages.training import ShardResults
from spar.method.records import JudgedPrompt, Prompt, Tree
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import JUDGE_NODE, SeedScope, Usage
from spar.runtime.forms import read_templates
from spar.runtime.steps import StepOutput, read_rows
from spar.runtime.worker import Worker


async def audit_judging(worker: Worker, command: Evaluate, spec: JudgeAuditSpec) -> StepOutput:
    """Rows: every audited text. The step's counts are the measures that decide an alarm."""
    usage = Usage()
    shards = await read_rows(worker.store, spec.inputs, ShardResults)
    checks = await _slice(worker, spec, shards)
    # One shard at a time: of a large iteration only the audited texts stay in memory.
    items = [item for shard in shards for item in await _audited(worker, shard, checks)]
    if spec.judge is not None:
        items = await _with_outside(worker, command, spec, items, usage)
    return StepOutput(items, usage, AuditCounts(sources=summarize(items)))


async def _slice(worker: Worker, spec: JudgeAuditSpec, shards: Sequence[ShardResults]) -> dict[str, CheckText]:
    rules_for: RulesFor = story_rules
    if spec.rules is not None:
        rules_for = ifeval_rules(await read_rows(worker.store, spec.rules, RuledPrompt))
    prompts = [prompt for shard in shards for prompt in await read_rows(worker.store, shard.prompts, Prompt)]
    return draw(prompts, rules_for, spec.prompts, spec.seed, spec.iteration)


async def _audited(worker: Worker, shard: ShardResults, checks: Mapping[str, CheckText]) -> list[Audited]:
    """A shard that failed early has fewer texts to audit, or none."""
    judged = [] if shard.judged is None else await read_rows(worker.store, shard.judged, JudgedPrompt)
    trees = [] if shard.trees is None else await read_rows(worker.store, shard.trees, Tree)
    # Off the event loop: checkers take milliseconds each.
    return await asyncio.to_thread(audit, judged, trees, checks)


async def _with_outside(
    worker: Worker, command: Evaluate, spec: JudgeAuditSpec, items: Sequence[Audited], usage: Usage
) -> list[Audited]:
    """The same items with one greedy vote each of the outside judge, prompted with the refiner's form."""
    if spec.judge is None or spec.templates is None or spec.judge_tokens is None or command.judge is None:
        raise AccountingError("An audit names an outside judge and not its address or its settings.")
    templates = await read_templates(worker, spec.templates)
    judge = Refiner(
        chat=await worker.chat(command.judge, spec.judge),
        settings=RefinerSettings(templates=templates, judgment=vote_settings(1, spec.judge_tokens)),
        scope=SeedScope(seed=spec.seed, iteration=spec.iteration),
        usage=usage,
    )
    return await gather(_asked(judge, item) for item in items)


async def _asked(judge: Refiner, item: Audited) -> Audited:
    try:
        found = await judge.judge(item.prompt, item.text, JUDGE_NODE)
    except DataError:  # too long for this judge: it has no vote, which is counted as no label
        return item
    return replace(item, outside=found.label)
