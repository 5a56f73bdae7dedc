"""The prompts of a sweep, and how a response is scored: by rules if there are any, else by a judge.

Knows no strategy and no budget.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from spar.engines.base import ChatModel
from spar.errors import DataError
from spar.evaluation.benchmarks.ifeval import scoring as ifeval
from spar.evaluation.benchmarks.ifeval.average import share, weight_of
from spar.evaluation.benchmarks.ifeval.checkers import Followed, check
from spar.method.records import Prompt, Verdict
from spar.method.templates import TemplateSet
from spar.recipes.models import JudgmentSettings
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings
from spar.roles.usage import SeedScope, Usage
from spar.worlds.story.items import judge_items
from spar.worlds.story.prompts import generate_prompts
from spar.worlds.story.rules import follows

Check = Callable[[str], bool]
"""Whether a response's text follows the prompt, by rules."""
Score = Callable[["ScoredTask", str], Awaitable[bool]]
SCORE_STEP = "sweep_score"
"""Seed step of a judge's votes on final texts, which differ from the votes within a search."""


@dataclass(frozen=True, slots=True)
class ScoredTask:
    """`share` is IFEval's: a text's contribution to the mean of its four scores, which is the mean of all shares."""

    prompt: str
    check: Check | None = None
    share: Callable[[str], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeItem:
    """A response whose truth is known, with which a judge is measured."""

    prompt: str
    response: str
    good: bool


def story_tasks(count: int, seed: int) -> list[ScoredTask]:
    """Held-out prompts of the story world, and its rules."""
    return [ScoredTask(prompt, _story_check(prompt)) for prompt in generate_prompts(count, seed, "heldout")]


def story_judge_items(count: int, seed: int) -> list[JudgeItem]:
    return [
        JudgeItem(prompt=prompt, response=response, good=good)
        for prompt, response, good in judge_items(count, seed, "heldout")
    ]


def ifeval_tasks(data: Path, count: int | None) -> list[ScoredTask]:
    """IFEval's prompts; a response is good if it strictly follows every instruction."""
    tasks, _ = ifeval.read_tasks(data)
    chosen = list(tasks.values())[:count]
    weight = weight_of([len(task.instructions) for task in chosen])
    return [_ifeval_task(task, weight) for task in chosen]


def file_tasks(path: Path, count: int | None) -> list[ScoredTask]:
    """Rows of {"prompt": ...}, one JSON object a line, without rules."""
    tasks: dict[str, ScoredTask] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}).", "Name a file of JSON lines.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and len(tasks) != count:
            text = _prompt(path, number, line)
            tasks.setdefault(text, ScoredTask(text))
    if not tasks:
        raise DataError(f"{path} has no prompts.", 'Write rows of {"prompt": "..."}, one a line.')
    return list(tasks.values())


async def by_rules(task: ScoredTask, text: str) -> bool:
    assert task.check is not None, "the sources with rules give every task its own"
    return task.check(text)


def by_judge(chat: ChatModel, templates: TemplateSet, settings: JudgmentSettings, seed: int, usage: Usage) -> Score:
    """A text is good by the majority of the judge's votes. A text without a quorum of votes is not good."""
    prompting = RefinerSettings(templates=templates, judgment=settings)
    judge = Refiner(chat=chat, settings=prompting, scope=SeedScope(seed=seed, iteration=0), usage=usage)
    known: dict[tuple[str, str], bool] = {}

    async def score(task: ScoredTask, text: str) -> bool:
        key = (task.prompt, text)
        if key not in known:
            judgment = await judge.judge(Prompt.of(task.prompt), text, SCORE_STEP)
            known[key] = judgment.label is Verdict.YES
        return known[key]

    return score


def all_checked(tasks: Sequence[ScoredTask]) -> bool:
    return all(task.check is not None for task in tasks)


def _prompt(path: Path, number: int, line: str) -> str:
    try:
        row: Any = json.loads(line)
        text = row["prompt"]
    except (ValueError, KeyError, TypeError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{path} line {number} has no prompt.", 'Write rows of {"prompt": "..."}, one a line.')
    return text


def _story_check(prompt: str) -> Check:
    return lambda text: follows(prompt, text)


def _ifeval_task(task: ifeval.IfevalTask, weight: float) -> ScoredTask:
    @lru_cache(maxsize=1)  # one text is checked for both
    def followed(text: str) -> Followed:
        return check(task.prompt, task.instructions, text)

    def average(text: str) -> float:
        found = followed(text)
        return share(found.strict, found.loose, weight)

    return ScoredTask(task.prompt, lambda text: all(followed(text).strict), average)
