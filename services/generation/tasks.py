"""The tasks of the generation service."""

from typing import Any

from spar.aio import gather
from spar.messages.counts import GenerationCounts
from spar.messages.generation import TASK, Generate
from spar.method.records import Prompt
from spar.roles.actor import Actor
from spar.roles.usage import SeedScope, Usage
from spar.runtime.app import task
from spar.runtime.forms import read_form
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current


@task(TASK)
def generate(message: dict[str, Any]) -> None:
    command, worker = Generate.model_validate(message), current()
    run_step(worker, command, lambda: generate_shard(worker, command))


async def generate_shard(worker: Worker, command: Generate) -> StepOutput:
    """K responses to each prompt of the shard. A response that cannot be used is kept as a failure, and counted."""
    spec, usage = command.spec, Usage()
    prompts = await read_rows(worker.store, spec.prompts, Prompt)
    form = await read_form(worker, spec.form)
    chat = await worker.chat(command.engine, spec.model)
    scope = SeedScope(seed=spec.seed, iteration=spec.iteration)
    actor = Actor(chat=chat, settings=spec.sampling, scope=scope, usage=usage, form=form)
    rows = await gather(actor.respond(prompt) for prompt in prompts)
    counts = GenerationCounts(
        prompts=len(rows),
        responses=sum(len(row.responses) for row in rows),
        unusable=sum(not any(response.judgeable for response in row.responses) for row in rows),
    )
    return StepOutput(rows, usage, counts)
