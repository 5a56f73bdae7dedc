"""The generation service's steps of prompt evolution: a teacher evolves seed prompts, and checks its own prompts."""

from typing import Any

from spar.aio import gather
from spar.evolution.forms import FormSet
from spar.evolution.records import Evolution, EvolutionOutcome
from spar.evolution.taxonomy import Taxonomy
from spar.evolution.teacher import evolve, validate
from spar.messages.counts import EvolveCounts, ValidateCounts
from spar.messages.evolution import EVOLVE_TASK, VALIDATE_TASK, Evolve, EvolveSpec, Validate, ValidateSpec
from spar.method.records import Prompt
from spar.roles.usage import Usage
from spar.runtime.app import task
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current


@task(EVOLVE_TASK)
def evolve_prompts(message: dict[str, Any]) -> None:
    command, worker = Evolve.model_validate(message), current()
    run_step(worker, command, lambda: evolve_shard(worker, command))


@task(VALIDATE_TASK)
def validate_prompts(message: dict[str, Any]) -> None:
    command, worker = Validate.model_validate(message), current()
    run_step(worker, command, lambda: validate_shard(worker, command))


async def evolve_shard(worker: Worker, command: Evolve) -> StepOutput:
    """One evolution of each seed prompt of the shard; one that failed has its reason."""
    spec, usage = command.spec, Usage()
    forms, taxonomy = await _forms_and_taxonomy(worker, spec)
    prompts = await read_rows(worker.store, spec.prompts, Prompt)
    chat = await worker.chat(command.engine, spec.model)
    rows = await gather(
        evolve(chat, prompt, taxonomy, forms, spec.sampling, spec.retries, spec.seed, usage) for prompt in prompts
    )
    evolved = sum(row.outcome is EvolutionOutcome.EVOLVED for row in rows)
    return StepOutput(rows, usage, EvolveCounts(prompts=len(rows), evolved=evolved))


async def validate_shard(worker: Worker, command: Validate) -> StepOutput:
    """The check of each evolved prompt of the shard. Without any, no model is called."""
    spec, usage = command.spec, Usage()
    forms, taxonomy = await _forms_and_taxonomy(worker, spec)
    rows = await read_rows(worker.store, spec.evolved, Evolution)
    chat = await worker.chat(command.engine, spec.model)
    checked = await gather(
        validate(chat, row, taxonomy, forms, spec.sampling, spec.retries, spec.seed, usage) for row in rows
    )
    passed = sum(row.outcome is EvolutionOutcome.EVOLVED for row in checked)
    return StepOutput(checked, usage, ValidateCounts(prompts=len(checked), passed=passed))


async def _forms_and_taxonomy(worker: Worker, spec: EvolveSpec | ValidateSpec) -> tuple[FormSet, Taxonomy]:
    (forms,) = await read_rows(worker.store, spec.forms, FormSet)
    (taxonomy,) = await read_rows(worker.store, spec.taxonomy, Taxonomy)
    return forms, taxonomy
