"""Cuts an iteration's prompts into shards. Does not know what they are used for."""

from spar.db.tables import Run, Shard
from spar.errors import AccountingError
from spar.method.records import Prompt
from spar.recipes.init import ACTOR, FIRST, PROMPTS_INPUT, init_prompts
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows


def cut_shards(store: ObjectStore, run: Run, recipe: Recipe, iteration: int) -> list[Shard]:
    """Iteration t takes the t-th slice of the run's prompts, in their order, or all of them where they are reused; each
    shard's prompts are stored."""
    mine = _initial(store, run, recipe, iteration) if iteration < FIRST else _of(store, run, recipe, iteration)
    size = recipe.prompts.shard_size
    shards = []
    for index, first in enumerate(range(0, len(mine), size)):
        rows = mine[first : first + size]
        key = put_blob(store, "prompts", encode_rows(step="prompts", fingerprint="", rows=rows)).key
        shards.append(
            Shard(run_id=run.id, iteration=iteration, index=index, first=first, prompts=len(rows), prompts_key=key)
        )
    return shards


def _of(store: ObjectStore, run: Run, recipe: Recipe, iteration: int) -> list[Prompt]:
    per_iteration = recipe.prompts.per_iteration
    first = 0 if recipe.prompts.reuse else (iteration - FIRST) * per_iteration
    return _checked(_read(store, run.prompts)[first : first + per_iteration], per_iteration, run, iteration)


def _initial(store: ObjectStore, run: Run, recipe: Recipe, iteration: int) -> list[Prompt]:
    """Of the prompts for the initial models the actor's come first, then the refiner's."""
    actor, refiner = init_prompts(recipe)
    prompts = _read(store, run.inputs[PROMPTS_INPUT])
    if iteration == ACTOR:
        return _checked(prompts[:actor], actor, run, iteration)
    return _checked(prompts[actor:], refiner, run, iteration)


def _read(store: ObjectStore, key: str) -> list[Prompt]:
    return decode_rows(reread(lambda: get_verified(store, key)), Prompt, key)[1]


def _checked(mine: list[Prompt], wanted: int, run: Run, iteration: int) -> list[Prompt]:
    if len(mine) != wanted:
        raise AccountingError(f"Run {run.id} has {len(mine)} prompts for iteration {iteration}, not {wanted}.")
    return mine
