"""The training data of the starting models that a run is given: prompts, and data sets given instead of made.

Reads files and stores them; the coordinator decides how to use them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spar.data.readers.conversations import read_conversations, read_fields, read_first, read_messages
from spar.data.text_rows import RowRefused
from spar.data.turns import turns_of
from spar.errors import DataError
from spar.method.records import Example, Pair, Prompt
from spar.recipes.init import ACTOR, PROMPTS_INPUT, REFINER, data_input, is_given, role_of
from spar.recipes.models import Recipe
from spar.store.base import ObjectStore
from spar.store.results import put_blob
from spar.store.rows import encode_rows

MOST_ROWS = 10_000_000
"""The most rows of a file, which is read into memory."""
PAIR_FORMAT = (
    'Write {"prompt": [{"role": "user", ...}], "chosen": [{"role": "assistant", ...}], "rejected": [...]} rows.'
)


def put_init_inputs(recipe: Recipe, prompts: Sequence[Prompt], store: ObjectStore) -> dict[str, str]:
    """Store them; returns their keys by name, none without `init`. Raises DataError for an invalid row."""
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


def read_pairs(path: Path, most: int) -> list[Pair]:
    """The first `most` rows of preference pairs, as `spar sets import` and `spar export --format trl` write them.

    Raises DataError for a row that is not a pair, and for an empty file.
    """
    rows = read_first(path, most, _pair)
    if not rows:
        raise DataError(f"{path} holds no pair.", PAIR_FORMAT)
    return rows


def _pair(line: bytes, place: str) -> Pair:
    try:
        row = read_fields(line)
        prompt, chosen, rejected = (
            _text(row[name], name, role)
            for name, role in (("prompt", "user"), ("chosen", "assistant"), ("rejected", "assistant"))
        )
    except (ValueError, RecursionError, KeyError, TypeError, RowRefused) as error:
        raise DataError(f"{place} is not a pair ({error}).", PAIR_FORMAT) from error
    if chosen == rejected:
        raise DataError(f"{place} has two equal sides: there is no preference to learn.", "Delete the row.")
    return Pair(prompt=Prompt.of(prompt), chosen=chosen, rejected=rejected)


def _text(part: Any, name: str, role: str) -> str:
    messages = read_messages(turns_of(part, name))
    if [message.role for message in messages] != [role]:
        raise ValueError(f"a part must be one message of the {role}")
    return messages[0].content
