"""Runs the models for every task of every cell. A search's text is scored afterwards: no score reaches a search.

Knows nothing of files, intervals or plots.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spar.aio import gather
from spar.engines.base import Sampling
from spar.errors import EngineUnavailable
from spar.experiments.inference_scaling.grid import GridCell
from spar.experiments.inference_scaling.tasks import Score, ScoredTask
from spar.inference.infer import infer
from spar.inference.records import InferenceRequest, InferenceResult, RoleModels, StopReason
from spar.inference.strategies import TreeShape
from spar.method.records import Message
from spar.roles.settings import RefinerSettings
from spar.roles.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One cell's result for one task. `draws` are responses and refinements."""

    prompt: str
    text: str
    good: bool
    ending: str
    value: float | None
    draws: int
    judgments: int
    votes: int
    tokens: int
    share: float | None = None
    """The text's share of IFEval's mean of four; None if the prompts are not IFEval's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The models, tasks and settings of a sweep. The first response is greedy, as in the paper's inference."""

    models: RoleModels
    tasks: Sequence[ScoredTask]
    score: Score
    how: RefinerSettings
    shape: TreeShape
    response_tokens: int
    seed: int
    at_once: int


CellCallback = Callable[[GridCell], None]
"""Receives each cell when it is done."""


async def run_cells(job: Job, cells: Sequence[GridCell], on_cell: CellCallback) -> dict[GridCell, list[Drawn]]:
    """Every task of every cell, in the order of the tasks. Raises the models' errors, an engine's failure too."""
    drawn: dict[GridCell, list[Drawn]] = {}
    for cell in cells:
        drawn[cell] = await _cell(job, cell)
        on_cell(cell)
    return drawn


async def _cell(job: Job, cell: GridCell) -> list[Drawn]:
    strategy, places = cell.strategy(job.shape), asyncio.Semaphore(job.at_once)

    async def one(task: ScoredTask) -> Drawn:
        request = InferenceRequest(
            messages=(Message("user", task.prompt),),
            sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=job.response_tokens),
            seed=job.seed,
        )
        async with places:
            found = await infer(job.models, request, strategy, job.how)
            if found.ending is StopReason.ENGINE_FAILED:
                raise EngineUnavailable(f"A model is unreachable: {found.reason}", "Then run the same command again.")
            return _drawn(task, found, await job.score(task, found.text))

    return await gather(one(task) for task in job.tasks)


def _drawn(task: ScoredTask, found: InferenceResult, good: bool) -> Drawn:
    usage = Usage()
    for part in (found.actor, found.refiner):
        usage.add(part)
    return Drawn(
        prompt=task.prompt,
        text=found.text,
        good=good and bool(found.text),
        ending=found.ending.value,
        value=found.value,
        draws=found.counts.generations + found.counts.refinements,
        judgments=found.counts.judgments,
        votes=found.counts.votes,
        tokens=usage.prompt_tokens + usage.completion_tokens,
        share=None if task.share is None else task.share(found.text),
    )
