"""What the starting models learn from and a run brings along: their prompts, and sets that are given instead of made.

Reads files and stores them; what is done with them, the coordinator knows.
"""

from collections.abc import Sequence
from pathlib import Path

from spar.data.readers.conversations import read_conversations
from spar.data.readers.preferences import read_pairs
from spar.method.records import Example, Pair, Prompt
from spar.recipes.init import ACTOR, PROMPTS_INPUT, REFINER, data_input, is_given, role_of
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows

MOST_ROWS = 10_000_000
"""Of a file; it is read into memory."""


def put_init_inputs(recipe: Recipe, prompts: Sequence[Prompt], store: ObjectStore) -> dict[str, str]:
    """Store them; returns their keys by name, none without an `init`. Raises DataError for a broken row."""
    if recipe.init is None:
        return {}
    inputs = {}
    if prompts:
        rows = encode_rows(step="prompts", fingerprint="", rows=prompts)
        inputs[PROMPTS_INPUT] = put_blob(store, "initial", rows).key
    for role in (role_of(iteration) for iteration in (ACTOR, REFINER) if is_given(recipe, iteration)):
        if role is not None:
            method = getattr(recipe.init, role).method
            given = encode_rows(step="given", fingerprint="", rows=_rows(getattr(recipe.init.data, role), method))
            inputs[data_input(role)] = put_blob(store, "given", given).key
    return inputs


def _rows(files: Sequence[str], method: str) -> Sequence[Pair] | Sequence[Example]:
    if method == "dpo":
        return [row for file in files for row in read_pairs(Path(file), MOST_ROWS)]
    return [row for file in files for row in read_conversations(Path(file), MOST_ROWS)]
