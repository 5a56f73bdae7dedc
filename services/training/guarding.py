"""Measures the rows of a selection for the guards before training.

The bounds are the recipe's and the consequences the coordinator's: neither is known here.
"""

import asyncio
from collections.abc import Iterable

from spar.messages.base import ModelRef
from spar.messages.training import LengthLimit, SelectionSpec
from spar.method.guards import Figure, Guard, TrainingRows, judgment_figures, row_figures, share
from spar.method.records import Example, JudgedPrompt, Pair, Tree
from spar.runtime.models import model_folder
from spar.runtime.worker import Worker
from spar.training.base import ComparesIds
from spar.training.registry import make_trainer

COMPARED = 100
"""Rows of each list whose ids are compared: a template or a tokenizer is wrong for many rows or for none."""


async def guard_figures(
    worker: Worker,
    spec: SelectionSpec,
    rows: TrainingRows,
    judged: Iterable[JudgedPrompt],
    trees: Iterable[Tree],
) -> dict[Guard, Figure]:
    """The share of each guard that can be measured here."""
    judgments = [
        item.judgment for prompt in judged for item in prompt.responses if item.judgment and item.judgment.votes
    ]
    figures = {**row_figures(rows, trees), **judgment_figures(judgments)}
    differing = [
        *await _differing(worker, spec.actor, spec.actor_limit, [*rows.pairs[:COMPARED], *rows.judge_pairs[:COMPARED]]),
        *await _differing(worker, spec.actor, spec.actor_limit, rows.actor_examples[:COMPARED]),
        *await _differing(worker, spec.refiner, spec.refiner_limit, rows.refiner_examples[:COMPARED]),
    ]
    return {**figures, Guard.IDS: share(differing)}


async def _differing(
    worker: Worker, base: ModelRef, limit: LengthLimit | None, rows: Iterable[Pair | Example]
) -> list[bool]:
    """Which rows are trained on as other token ids than are served; none, where the trainer cannot tell."""
    trainer = make_trainer(limit.trainer) if limit is not None else None
    wanted = list(rows)
    if not wanted or not isinstance(trainer, ComparesIds):
        return []
    return await asyncio.to_thread(lambda: trainer.differing(model_folder(base, worker.cache), wanted))
