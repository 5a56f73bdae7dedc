"""The tasks of the refinement service."""

from typing import Any

from spar.aio import gather
from spar.messages.counts import RefinementCounts
from spar.messages.refinement import TASK, Refine
from spar.method.negatives import choose_negative
from spar.method.outcomes import unsolved
from spar.method.records import JudgedPrompt, JudgedResponse, Outcome
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings, policy_of
from spar.roles.usage import NEGATIVE, SeedScope, Usage
from spar.runtime.app import task
from spar.runtime.forms import read_templates
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current


@task(TASK)
def refine_negatives(message: dict[str, Any]) -> None:
    command, worker = Refine.model_validate(message), current()
    run_step(worker, command, lambda: refine_shard(worker, command))


async def refine_shard(worker: Worker, command: Refine) -> StepOutput:
    """One tree per prompt that has a negative; all trees of the shard grow at once."""
    spec, usage = command.spec, Usage()
    judged = await read_rows(worker.store, spec.judged, JudgedPrompt)
    templates = await read_templates(worker, spec.templates)
    chat = await worker.chat(command.engine, spec.model)
    scope = SeedScope(seed=spec.seed, iteration=spec.iteration)
    settings = RefinerSettings.for_search(templates=templates, judgment=spec.judgment, search=spec.search)
    refiner = Refiner(chat=chat, settings=settings, scope=scope, usage=usage)
    negatives = [(row.prompt, choose_negative(row, scope.derive(row.prompt, NEGATIVE))) for row in judged]
    trees = await gather(
        refiner.search(prompt, negative, policy_of(spec.search))
        for prompt, negative in negatives
        if isinstance(negative, JudgedResponse)
    )
    counts = RefinementCounts(
        trees=len(trees),
        solved=sum(tree.solved for tree in trees),
        nodes=sum(len(tree.nodes) - 1 for tree in trees),
        unusable=sum(not tree.solved and unsolved(tree) is not Outcome.UNSOLVED for tree in trees),
    )
    return StepOutput(trees, usage, counts)
