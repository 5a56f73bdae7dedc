"""Cuts an iteration's prompts into shards. Knows nothing of what is done with them."""

from spar.db.tables import Run, Shard
from spar.errors import AccountingError
from spar.method.records import Prompt
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows


def cut_shards(store: ObjectStore, run: Run, recipe: Recipe, iteration: int) -> list[Shard]:
    """Iteration t takes the t-th slice of the run's prompts, in their order; each shard's go into the store."""
    _, prompts = decode_rows(get_verified(store, run.prompts), Prompt, run.prompts)
    per_iteration, size = recipe.prompts.per_iteration, recipe.prompts.shard_size
    mine = prompts[(iteration - 1) * per_iteration : iteration * per_iteration]
    if len(mine) != per_iteration:
        raise AccountingError(f"Run {run.id} has {len(mine)} prompts for iteration {iteration}, not {per_iteration}.")
    shards = []
    for index, first in enumerate(range(0, len(mine), size)):
        rows = mine[first : first + size]
        key = put_blob(store, "prompts", encode_rows(step="prompts", fingerprint="", rows=rows)).key
        shards.append(
            Shard(run_id=run.id, iteration=iteration, index=index, first=first, prompts=len(rows), prompts_key=key)
        )
    return shards
