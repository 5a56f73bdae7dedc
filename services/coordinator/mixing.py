"""What an actor's SFT data are mixed with, where the run itself made it. Trains nothing."""

from random import Random

from spar.method.records import Example
from spar.method.seeds import derive_seed
from spar.recipes.init import REFINER
from spar.store.base import ObjectStore
from spar.store.rereading import reread
from spar.store.results import get_verified, put_blob
from spar.store.rows import decode_rows, encode_rows


def sample_of(store: ObjectStore, key: str, most: int, seed: int) -> str:
    """The key of at most so many of these examples, drawn by the recipe's seed: the same ones in each iteration.

    Raises ObjectLost.
    """
    rows = decode_rows(reread(lambda: get_verified(store, key)), Example, key)[1]
    if len(rows) <= most:
        return key
    drawn = Random(derive_seed(seed, REFINER, "", "mix")).sample(rows, most)
    return put_blob(store, "mixed", encode_rows(step="mixed", fingerprint="", rows=drawn)).key
