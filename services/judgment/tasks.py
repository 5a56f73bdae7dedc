"""What the judgment service accepts, and what it does on arrival."""

from typing import Any

from services.judgment.comparing import compare_shard
from services.judgment.execution import execute_shard
from spar.aio import gather
from spar.messages.counts import JudgmentCounts
from spar.messages.judgment import COMPARE_TASK, TASK, Compare, Judge
from spar.method.outcomes import usable
from spar.method.records import Generated, JudgedPrompt, JudgedResponse, Prompt, Response
from spar.recipes.policies import judging_policy
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import SeedScope, Usage
from spar.runtime.app import task
from spar.runtime.forms import read_form, read_templates
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current


@task(TASK)
def judge_responses(message: dict[str, Any]) -> None:
    command, worker = Judge.model_validate(message), current()
    run_step(worker, command, lambda: judge_shard(worker, command))


@task(COMPARE_TASK)
def compare_judgments(message: dict[str, Any]) -> None:
    command, worker = Compare.model_validate(message), current()
    run_step(worker, command, lambda: compare_shard(worker, command))


async def judge_shard(worker: Worker, command: Judge) -> StepOutput:
    """Judgments of every response of the shard, all at once: a model's votes, what checkers say, or none."""
    spec, usage = command.spec, Usage()
    generated = await read_rows(worker.store, spec.generated, Generated)
    policy = judging_policy(spec.judgment.policy)
    if policy.asks_nobody:
        rows = [_unjudged(row) for row in generated]
    elif policy.form is None:
        rows = await execute_shard(worker, spec, generated)
    else:
        rows = await _ask_shard(worker, command, generated, usage)
    judged = [response.judgment for row in rows for response in row.responses if response.judgment is not None]
    counts = JudgmentCounts(
        responses=len(judged),
        votes=sum(judgment.drawn for judgment in judged),
        unusable=sum(not usable(row) for row in rows),
    )
    return StepOutput(rows, usage, counts)


def _unjudged(row: Generated) -> JudgedPrompt:
    return JudgedPrompt(row.prompt, tuple(JudgedResponse(response, None) for response in row.responses))


async def _ask_shard(worker: Worker, command: Judge, generated: list[Generated], usage: Usage) -> list[JudgedPrompt]:
    spec = command.spec
    templates = await read_templates(worker, spec.templates)
    form = await read_form(worker, spec.form)
    refiner = Refiner(
        chat=await worker.chat(command.engine, spec.model),
        settings=RefinerSettings(templates=templates, judgment=spec.judgment, form=form),
        scope=SeedScope(seed=spec.seed, iteration=spec.iteration),
        usage=usage,
    )
    return await gather(_judge_prompt(refiner, row) for row in generated)


async def _judge_prompt(refiner: Refiner, row: Generated) -> JudgedPrompt:
    responses = await gather(_judge_response(refiner, row.prompt, response) for response in row.responses)
    return JudgedPrompt(row.prompt, tuple(responses))


async def _judge_response(refiner: Refiner, prompt: Prompt, response: Response) -> JudgedResponse:
    """A failed response is no data: it is not judged, unless it was only cut off."""
    if not response.judgeable:
        return JudgedResponse(response, None)
    return JudgedResponse(response, await refiner.judge_response(prompt, response))
