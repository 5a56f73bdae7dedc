"""The training of a role: its base, and the keys of the rows that its plan names."""

from collections.abc import Callable
from functools import cache
from random import Random

from services.coordinator.iteration_plan import RowSource
from services.coordinator.steps.context import RunContext
from spar.db.tables import Iteration
from spar.errors import AccountingError
from spar.messages.base import ModelRef, ObjectRef
from spar.messages.training import TRAINING_REVISIONS, Role, Selected, Train, TrainingSpec
from spar.method.records import Example
from spar.method.seeds import derive_seed
from spar.recipes import init
from spar.recipes.init import REFINER
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows


def training(run: RunContext, iteration: Iteration, role: Role) -> Train:
    """The message that trains a role. Raises AccountingError where nothing was selected to train it on."""
    planned = run.plan(iteration.index).trainings[role]
    selected = cache(lambda: run.selected(iteration.index))
    keys = [key for source in planned.rows for key in _keys(run, iteration.index, source, selected)]
    if not keys:
        raise AccountingError(f"Iteration {iteration.index} of run {run.run.id} has no rows to train the {role} on.")
    spec = TrainingSpec(
        revision=TRAINING_REVISIONS[planned.trainer.method],
        role=role,
        base=base_model(run, iteration, role),
        trainer=planned.trainer,
        seed=planned.seed,
        rows=ObjectRef(key=keys[0]),
        more=tuple(ObjectRef(key=key) for key in keys[1:]),
    )
    return Train.model_validate(run.envelope(spec, run.recipe.dispatch.training_deadline_s))


def base_model(run: RunContext, iteration: Iteration, role: Role) -> ModelRef:
    """The model that the role's training continues from."""
    base = run.iteration(run.plan(iteration.index).trainings[role].base)
    return run.ledger.model(base.actor if role == "actor" else base.refiner)


def _keys(run: RunContext, iteration: int, source: RowSource, selected: Callable[[], Selected]) -> list[str]:
    """The keys of the rows; none if nothing of the kind was selected. Raises ObjectLost."""
    match source:
        case RowSource.INIT_ACTOR:
            return _initial_set(run, init.ACTOR)
        case RowSource.INIT_REFINER:
            return _initial_set(run, init.REFINER)
        case RowSource.INIT_SAMPLE:
            rows = run.plan(iteration).settings.training.mix_rows
            return [sample_of(run.store, key, rows, run.recipe.seed) for key in _initial_set(run, init.REFINER)]
        case RowSource.MIX:
            return [run.input("mix").key]
        case RowSource.PAIRS:
            return [selected().pairs_key] if selected().pairs else []
        case RowSource.JUDGMENT_PAIRS:
            return _if_there(selected().judge_pairs_key)
        case RowSource.ACTOR_EXAMPLES:
            return _if_there(selected().actor_examples_key)
        case RowSource.REFINER_EXAMPLES:
            return [selected().examples_key]


def _initial_set(run: RunContext, iteration: int) -> list[str]:
    """The set that an initial model is trained on: given with the recipe, or selected in that iteration."""
    plan = run.plan(iteration)
    if plan.given and plan.initializes is not None:
        return [run.input(init.data_input(plan.initializes)).key]
    selected = run.selected(iteration)
    return _if_there(selected.actor_examples_key if plan.initializes == "actor" else selected.examples_key)


def _if_there(key: str | None) -> list[str]:
    return [] if key is None else [key]


def sample_of(store: ObjectStore, key: str, most: int, seed: int) -> str:
    """The key of at most so many of these examples, drawn by the recipe's seed: the same ones in each iteration.

    Raises ObjectLost.
    """
    rows = decode_rows(reread(lambda: get_verified(store, key)), Example, key)[1]
    if len(rows) <= most:
        return key
    drawn = Random(derive_seed(seed, REFINER, "", "mix")).sample(rows, most)
    return put_blob(store, "mixed", encode_rows(step="mixed", fingerprint="", rows=drawn)).key
