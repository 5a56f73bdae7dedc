"""The tasks of the judgment service: votes on responses, checkers run in the sandbox, comparisons of judgments.

Which judgments are worth comparing, `spar.method.meta_judging` decides.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from spar.aio import gather
from spar.engines.base import ChatModel
from spar.errors import AccountingError, DataError
from spar.messages.counts import ComparisonCounts, JudgmentCounts
from spar.messages.judgment import COMPARE_TASK, TASK, Compare, ComparisonSpec, Judge, JudgmentSpec
from spar.method.checking import CheckedPrompt
from spar.method.meta_judging import ComparedPrompt, most_contested
from spar.method.outcomes import usable
from spar.method.records import Generated, JudgedPrompt, JudgedResponse, Prompt, Response
from spar.method.templates.forms import PromptForm
from spar.recipes.policies import judging_options, judging_policy
from spar.roles.meta_judge import MetaJudge
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import SeedScope, Usage
from spar.runtime.app import task
from spar.runtime.forms import read_form, read_templates
from spar.runtime.steps import StepOutput, read_rows, run_step
from spar.runtime.worker import Worker, current
from spar.sandbox import CheckerJob, run_checkers


@task(TASK)
def judge_responses(message: dict[str, Any]) -> None:
    command, worker = Judge.model_validate(message), current()
    run_step(worker, command, lambda: judge_shard(worker, command))


@task(COMPARE_TASK)
def compare_judgments(message: dict[str, Any]) -> None:
    command, worker = Compare.model_validate(message), current()
    run_step(worker, command, lambda: compare_shard(worker, command))


async def judge_shard(worker: Worker, command: Judge) -> StepOutput:
    """Judgments of every response of the shard, all at once: a model's votes, the checkers' results, or none."""
    spec, usage = command.spec, Usage()
    generated = await read_rows(worker.store, spec.generated, Generated)
    policy = judging_policy(spec.judgment.policy)
    if policy.no_replies:
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
    """A failed response is not judged, unless it was only cut off."""
    if not response.judgeable:
        return JudgedResponse(response, None)
    return JudgedResponse(response, await refiner.judge_response(prompt, response))


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


async def execute_shard(worker: Worker, spec: JudgmentSpec, generated: list[Generated]) -> list[JudgedPrompt]:
    """One vote per checker and response. All checkers of the shard share a process while they behave. Calls no
    model."""
    if spec.checkers is None:
        raise AccountingError("Responses are to be judged by checkers, and the step names none.")
    checkers = {row.prompt_id: row.checkers for row in await read_rows(worker.store, spec.checkers, CheckedPrompt)}
    jobs = [[CheckerJob(source, _texts(row)) for source in _of(row, checkers)] for row in generated]
    results = iter(await run_checkers([job for of_prompt in jobs for job in of_prompt]))
    return [
        _judged(row, [next(results) for _ in of_prompt], spec) for row, of_prompt in zip(generated, jobs, strict=True)
    ]


def _of(row: Generated, checkers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if row.prompt.id not in checkers:
        raise DataError(
            f"Prompt {row.prompt.id} has no checkers.", "Submit the recipe with a checker for each of its prompts."
        )
    return checkers[row.prompt.id]


def _texts(row: Generated) -> tuple[str, ...]:
    """A failed response is not judged, unless it was only cut off."""
    return tuple(response.text for response in row.responses if response.judgeable)


def _judged(row: Generated, results: Sequence[Sequence[str]], spec: JudgmentSpec) -> JudgedPrompt:
    """`results`: of each checker, for each text."""
    policy, options = judging_policy(spec.judgment.policy), judging_options(spec.judgment)
    places = iter(range(len(_texts(row))))
    judged = []
    for response in row.responses:
        if not response.judgeable:
            judged.append(JudgedResponse(response, None))
            continue
        place = next(places)
        votes = [policy.parse(of_checker[place], "stop", options) for of_checker in results]
        judged.append(JudgedResponse(response, policy.settle(votes, spec.judgment.quorum, options)))
    return JudgedPrompt(row.prompt, tuple(judged))
