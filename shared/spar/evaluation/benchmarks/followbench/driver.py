"""FollowBench: its driver. A response to each prompt at each level; where no rule checks it, an outside judge does.

The judge is prompted in this project's own words: the prompt as it grew, the response, one YES or NO for each
constraint that was added. Without a judge those items have no reply, and are not scored. Knows no scores.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from spar.engines.base import ChatModel, Sampling
from spar.evaluation.benchmarks.driver import BenchmarkDriver, ItemCounts
from spar.evaluation.benchmarks.followbench.scoring import score
from spar.evaluation.benchmarks.followbench.tasks import FollowBenchTask, read_tasks
from spar.evaluation.benchmarks.requests import BenchmarkRequest, Row, all_rows, unless_too_long
from spar.evaluation.benchmarks.responding import response_to
from spar.evaluation.benchmarks.settings import short_digest
from spar.method.records import Message, Prompt
from spar.roles.usage import SeedScope, Usage

JUDGE_STEP = "followbench_judge"
OUR_JUDGE_WORDING = (
    "The judge is prompted in this project's wording, not in FollowBench's: scores that depend on the judge"
    " are not comparable with the published tables."
)


def count_items(data: Path, limit: int | None) -> ItemCounts:
    tasks, _ = read_tasks(data)
    chosen = first_examples(list(tasks.values()), limit)
    return ItemCounts(items=len(chosen), judged=sum(task.judged for task in chosen))


def _settings(request: BenchmarkRequest) -> Mapping[str, str | int]:
    return {} if request.judge is None else {"judge_template": short_digest(judge_template().template)}


def _warnings(request: BenchmarkRequest) -> Sequence[str]:
    return () if request.judge is None else (OUR_JUDGE_WORDING,)


async def request_rows(job: BenchmarkRequest, usage: Usage) -> list[Row]:
    """Rows of {group, example_id, level, response} and the judge's `reply`; with a limit, of each group's first
    examples."""
    tasks, _ = read_tasks(job.data)
    chosen = first_examples(list(tasks.values()), job.settings.limit)

    async def one(task: FollowBenchTask) -> Row:
        group, example_id, level = task.key
        place = {"group": group, "example_id": example_id, "level": level}
        row = {**place, **await response_to(job, task.instruction, usage)}
        if job.judge is None or not task.judged:
            return row
        return {**row, **await _judged(job.judge, job, task, row["response"], usage)}

    return await all_rows(one(task) for task in chosen)


async def _judged(judge: ChatModel, job: BenchmarkRequest, task: FollowBenchTask, response: str, usage: Usage) -> Row:
    async def request() -> Row:
        messages = (Message("user", judge_prompt(task, response)),)
        seed = SeedScope(seed=job.seed, iteration=0).derive(Prompt.of(task.instruction), JUDGE_STEP)
        usage.calls += 1
        completions = await judge.sample(
            messages, 1, Sampling(temperature=0.0, top_p=1.0, max_tokens=job.settings.judge_tokens), seed
        )
        usage.count(completions)
        return {"reply": completions[0].text}

    return await unless_too_long(request, {"reply": ""})


def judge_prompt(task: FollowBenchTask, response: str) -> str:
    """The judge's prompt for a task, with every earlier level of the task's own prompt."""
    grown = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(task.steps))
    level = task.key[2]
    form = ", ".join(["YES or NO"] * level)
    return judge_template().substitute(level=level, grown=grown, response=response, form=f"[{form}]")


@cache
def judge_template() -> Template:
    return Template(files(__package__).joinpath("judge.txt").read_text(encoding="utf-8").rstrip("\n"))


def first_examples(tasks: list[FollowBenchTask], limit: int | None) -> list[FollowBenchTask]:
    """All levels of the first examples of each group, in the order of their ids."""
    if limit is None:
        return tasks
    by_group: dict[str, list[int]] = {}
    for task in tasks:
        examples = by_group.setdefault(task.key[0], [])
        if task.key[1] not in examples:
            examples.append(task.key[1])
    return [task for task in tasks if task.key[1] in by_group[task.key[0]][:limit]]


DRIVER = BenchmarkDriver(request=request_rows, score=score, count=count_items, settings=_settings, warnings=_warnings)
