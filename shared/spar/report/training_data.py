"""Reads the training data that a run selected, iteration by iteration, for an export. Writes nothing."""

from importlib import metadata
from typing import TypeVar

from sqlmodel import Session

from spar.db.tables import Iteration
from spar.errors import DataError
from spar.export.facts import ExportedIteration, RunFacts
from spar.messages.base import StepKind
from spar.messages.training import Selected
from spar.method.records import Example, Pair
from spar.report.reader import RunReader, of_kind
from spar.store.base import ObjectStore

Row = TypeVar("Row", Pair, Example)


def read_training_data(
    session: Session, store: ObjectStore, run_id: str, iteration: int | None
) -> tuple[RunFacts, list[ExportedIteration]]:
    """Of one iteration, or of all that have data. Raises DataError if there is none, StoreError for missing objects."""
    reader = RunReader(session, store, run_id)
    selected = {row.index: (row, found) for row in reader.iterations() if (found := _selected(reader, row.index))}
    wanted = [index for index in selected if iteration in (None, index)]
    if not wanted:
        raise _none(run_id, iteration, list(selected))
    run = reader.run
    facts = RunFacts(
        run_id=run.id, status=run.status.value, recipe=run.recipe, start=run.models, version=metadata.version("spar")
    )
    return facts, [_data(reader, *selected[index]) for index in wanted]


def _selected(reader: RunReader, iteration: int) -> Selected | None:
    steps = of_kind(reader.done_steps(iteration), StepKind.SELECTION)
    return reader.rows(steps[0], Selected)[0] if steps else None


def _data(reader: RunReader, row: Iteration, selected: Selected) -> ExportedIteration:
    return ExportedIteration(
        iteration=row.index,
        actor=row.actor,
        refiner=row.refiner,
        actor_after=row.actor_after,
        refiner_after=row.refiner_after,
        prompts=row.prompts,
        outcomes=reader.outcomes(row.index),
        pairs=_all(reader, Pair, selected.pairs_key, selected.judge_pairs_key),
        examples=_all(reader, Example, selected.examples_key, selected.actor_examples_key),
    )


def _all(reader: RunReader, row_type: type[Row], *keys: str | None) -> list[Row]:
    """What was trained on: of responses and of judgments; a refiner's and an actor's."""
    return [row for key in keys if key is not None for row in reader.stored(key, row_type)]


def _none(run_id: str, iteration: int | None, have: list[int]) -> DataError:
    which = "no iteration" if iteration is None else f"iteration {iteration}"
    if have:
        fix = f"Iterations with data: {', '.join(map(str, have))}."
    else:
        fix = "There is data once an iteration's selection is finished: see `spar status`."
    if iteration is None:
        return DataError(f"Run {run_id} has {which} with training data yet.", fix)
    return DataError(f"Run {run_id} has no training data of {which}.", fix)
