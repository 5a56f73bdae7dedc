"""Judging a shard's responses by their prompts' checkers, in the sandbox. Asks no model."""

from collections.abc import Mapping, Sequence

from spar.errors import AccountingError, DataError
from spar.messages.judgment import JudgmentSpec
from spar.method.checking import CheckedPrompt
from spar.method.records import Generated, JudgedPrompt, JudgedResponse
from spar.recipes.policies import judging_options, judging_policy
from spar.runtime.steps import read_rows
from spar.runtime.worker import Worker
from spar.sandbox import CheckerJob, run_checkers


async def execute_shard(worker: Worker, spec: JudgmentSpec, generated: list[Generated]) -> list[JudgedPrompt]:
    """One vote per checker and response. All checkers of the shard share a process while they behave."""
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
    """A failed response is no data: it is not judged, unless it was only cut off."""
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
