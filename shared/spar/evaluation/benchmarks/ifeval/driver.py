"""IFEval: its driver. One response to each prompt, which is the whole user turn, as in the paper."""

from pathlib import Path

from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.ifeval.scoring import FILE, IfevalTask, read_tasks, score
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, all_rows
from spar.evaluation.benchmarks.responding import response_to
from spar.evaluation.benchmarks.rows import count_lines
from spar.roles.usage import Usage


def count_items(data: Path, limit: int | None) -> ItemCounts:
    """One item a line; its content is checked when it is scored."""
    number = count_lines(data / FILE if data.is_dir() else data, limit)
    return ItemCounts(items=number, judged=number)


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of {key, response}; with a limit, of the first prompts of the file."""
    tasks, _ = read_tasks(job.data)

    async def one(task: IfevalTask) -> Row:
        return {"key": task.key, **await response_to(job, task.prompt, usage)}

    return await all_rows(one(task) for task in list(tasks.values())[: job.settings.limit])


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items)
