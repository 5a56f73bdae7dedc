"""Judging a shard's responses by their prompts' checkers, in the sandbox. Asks no model."""

from collections.abc import Mapping

from spar.errors import AccountingError, DataError
from spar.messages.judgment import JudgmentSpec
from spar.method.checking import CheckedPrompt
from spar.method.records import Generated, JudgedPrompt, JudgedResponse
from spar.recipes.policies import judging_options, judging_policy
from spar.runtime.steps import read_rows
from spar.runtime.worker import Worker
from spar.sandbox import run_checker
from spar.together import together


async def execute_shard(worker: Worker, spec: JudgmentSpec, generated: list[Generated]) -> list[JudgedPrompt]:
    if spec.checkers is None:
        raise AccountingError("Responses are to be judged by checkers, and the step names none.")
    rows = await read_rows(worker.store, spec.checkers, CheckedPrompt)
    checkers = {row.prompt_id: row.checkers for row in rows}
    return await together(_execute(row, checkers, spec) for row in generated)


async def _execute(row: Generated, checkers: Mapping[str, tuple[str, ...]], spec: JudgmentSpec) -> JudgedPrompt:
    """One vote per checker and response; each checker sees all of the prompt's responses in one go."""
    if row.prompt.id not in checkers:
        raise DataError(
            f"Prompt {row.prompt.id} has no checkers.", "Submit the recipe with a checker for each of its prompts."
        )
    policy, options = judging_policy(spec.judgment.policy), judging_options(spec.judgment)
    fit = [response for response in row.responses if response.failure is None]
    replies = await together(run_checker(source, [each.text for each in fit]) for source in checkers[row.prompt.id])
    judged = {
        response.index: policy.settle(
            [policy.parse(said[place], "stop", options) for said in replies], spec.judgment.quorum, options
        )
        for place, response in enumerate(fit)
    }
    return JudgedPrompt(row.prompt, tuple(JudgedResponse(each, judged.get(each.index)) for each in row.responses))
