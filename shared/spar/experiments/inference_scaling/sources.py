"""Where a sweep's prompts come from, by name: the story world, IFEval's file, or any file of prompts.

Decides who scores, and what a judge can be measured with. Asks nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spar.errors import DataError
from spar.experiments.inference_scaling.grid import GridCell
from spar.experiments.inference_scaling.sampling import Drawn
from spar.experiments.inference_scaling.tasks import (
    JudgeItem,
    ScoredTask,
    file_tasks,
    ifeval_tasks,
    story_judge_items,
    story_tasks,
)

STORY, IFEVAL = "story", "ifeval"
STORY_PROMPTS = 500
"""Where no limit is given: a rate near 90% is then known to about 2.6 points."""


@dataclass(frozen=True, slots=True)
class TaskSource:
    """`rules` says whether every task has a check of its own."""

    name: str
    tasks: Sequence[ScoredTask]
    rules: bool


def read_source(name: str, data: Path | None, limit: int | None, seed: int) -> TaskSource:
    """Raises DataError for what is not there."""
    if name == STORY:
        return TaskSource(STORY, story_tasks(limit or STORY_PROMPTS, seed), rules=True)
    if name == IFEVAL:
        if data is None:
            raise DataError("ifeval needs its data.", "Name input_data.jsonl, or its folder, with --data.")
        return TaskSource(IFEVAL, ifeval_tasks(data, limit), rules=True)
    return TaskSource(Path(name).name, file_tasks(Path(name), limit), rules=False)


def items_to_judge(
    source: TaskSource, drawn: Mapping[GridCell, Sequence[Drawn]], count: int, seed: int
) -> list[JudgeItem]:
    """Responses of known truth: the story world makes them; else what the sweep drew, as the rules see it."""
    if source.name == STORY:
        return story_judge_items(count, seed)
    if not source.rules:
        return []
    texts = {(row.prompt, row.text): row.good for rows in drawn.values() for row in rows if row.text}
    return [JudgeItem(prompt=prompt, response=text, good=good) for (prompt, text), good in list(texts.items())[:count]]
