"""IFEval: one response to each prompt. The prompt is the whole user turn, as the paper asks it."""

from spar.evaluation.benchmarks.ifeval.scoring import IfevalTask, read_tasks
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, all_rows
from spar.evaluation.benchmarks.responding import response_to
from spar.roles.usage import Usage


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of {key, response}; with a limit, of the first prompts of the file."""
    tasks, _ = read_tasks(job.data)

    async def one(task: IfevalTask) -> Row:
        return {"key": task.key, **await response_to(job, task.prompt, usage)}

    return await all_rows(one(task) for task in list(tasks.values())[: job.settings.limit])
