"""Finds exact and near-duplicates of earlier prompts: takes hashes, returns the earlier one for each.

Exact: equal 64-bit hashes. Near: MinHash signatures (rensa, seeded) split into bands (locality-sensitive hashing); only
prompts that share a band are compared, by their full signatures. A prompt is dropped only for a similar earlier one,
which may itself be dropped for a third.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

Ints = NDArray[np.int64]
Signatures = NDArray[np.uint32]
Fetch = Callable[[Ints], Signatures]
"""The signatures of some rows."""

PERMUTATIONS = 128  # the estimate's standard deviation is then 0.044 at most
SHINGLE = 3
"""Words per element of a prompt's set."""
_FOUND = 0.99
"""The minimum probability that a pair at the threshold shares a band."""
_MIX = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio's bits: spreads neighbouring numbers
_LEADERS = 100
"""Comparisons of one prompt within a band: bounds the work where very many share a phrase but are not similar."""
_TOGETHER = 4096  # signatures in memory at once: 2 MB
NONE = -1


def signatures_of(shingles: Sequence[Sequence[str]], seed: int) -> Signatures:
    """One row of PERMUTATIONS numbers for each set of shingles."""
    made = RMinHash.digests_from_token_sets([list(words) for words in shingles], PERMUTATIONS, seed)
    return np.array(made, dtype=np.uint32).reshape(len(shingles), PERMUTATIONS)


def same_as_earlier(numbers: NDArray[np.uint64], rows: Ints) -> Ints:
    """For each of `rows` the first one with the same number; NONE where it is the first, or where the number is 0."""
    _, first, inverse = np.unique(numbers[rows], return_index=True, return_inverse=True)
    earlier: Ints = rows[first[inverse]]
    earlier[(earlier == rows) | (numbers[rows] == 0)] = NONE
    return earlier


def near_earlier(fetch: Fetch, bands: Iterable[NDArray[np.uint64]], rows: Ints, threshold: float) -> Ints:
    """For each of `rows` a similar earlier one, NONE if none was found. Similar: an estimate >= threshold.

    `bands` yields each band's keys of all rows, one band at a time, to bound the memory.
    """
    earlier = np.full(len(rows), NONE, dtype=np.int64)
    for keys in bands:
        places = np.flatnonzero(earlier == NONE)
        for group in _groups(keys[rows[places]]):
            _compare(fetch, rows, places[group], earlier, threshold)
    return earlier


def _compare(fetch: Fetch, rows: Ints, places: Ints, earlier: Ints, threshold: float) -> None:
    """Compare those that share a key with the first of them, then the remaining ones with the first of these, etc."""
    for _ in range(_LEADERS):
        if len(places) < 2:
            return
        leader, places = places[0], places[1:]
        alike = similarities(fetch, int(rows[leader]), rows[places]) >= threshold
        earlier[places[alike]] = rows[leader]
        places = places[~alike]


def _groups(keys: NDArray[np.uint64]) -> Iterator[Ints]:
    """The positions of equal keys, in order, for keys that occur more than once."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(starts, len(order)))
    for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
        yield order[start : start + size]


def similarities(fetch: Fetch, row: int, others: Ints) -> NDArray[Any]:
    """Estimates of the Jaccard similarity of the sets of shingles."""
    mine = fetch(np.array([row]))
    parts = np.split(others, range(_TOGETHER, len(others), _TOGETHER))
    return np.concatenate([np.mean(fetch(part) == mine, axis=1) for part in parts])


def band_width(threshold: float) -> int:
    """The widest band (hence the fewest comparisons) that finds a pair at the threshold with probability _FOUND."""
    widths = (16, 8, 4, 2)
    found = (width for width in widths if 1 - (1 - threshold**width) ** (PERMUTATIONS // width) >= _FOUND)
    return next(found, 1)


def band_keys(signatures: Signatures, width: int) -> NDArray[np.uint64]:
    """One row of keys, a key for each band. A chance collision only costs a comparison."""
    keys = np.zeros((len(signatures), PERMUTATIONS // width), dtype=np.uint64)
    for column in range(width):
        keys = (keys ^ signatures[:, column::width].astype(np.uint64)) * _MIX
        keys ^= keys >> np.uint64(29)
    return keys
