"""Bootstrap intervals of a mean over items measured under several seeds: both are resampled (crossed).

The same items are measured under every seed, so an item's values of all seeds stay together. Few seeds represent the
variation between seeds poorly: with two or three the interval is rather too narrow, with one it does not include it.
"""

import random
from collections.abc import Sequence
from statistics import fmean

from spar.errors import AccountingError
from spar.evaluation.resampling import RESAMPLES, quantile
from spar.report.comparison.model import MeasuredGain

Table = Sequence[Sequence[float]]
"""One row per seed, one value per item: item i is the same in every row."""


def mean_of(table: Table, scale: float = 1.0, draws_seed: int = 0, resamples: int = RESAMPLES) -> MeasuredGain:
    """The mean of all values with its interval. Raises AccountingError for a table without values or with gaps."""
    return difference_of(table, None, scale, draws_seed, resamples)


def difference_of(
    table: Table, minus: Table | None, scale: float = 1.0, draws_seed: int = 0, resamples: int = RESAMPLES
) -> MeasuredGain:
    """As `mean_of`, minus the mean of another table over the same items, whose seeds are resampled independently."""
    tables = [_checked(table), *([] if minus is None else [_checked(minus)])]
    if len({len(each[0]) for each in tables}) > 1:
        raise AccountingError(f"A difference over {len(tables[0][0])} and {len(tables[1][0])} items.")
    draw = random.Random(draws_seed)
    known: dict[tuple[tuple[int, ...], ...], list[float]] = {}
    values = []
    for _ in range(resamples):
        seeds = tuple(_drawn(draw, len(each)) for each in tables)
        if seeds not in known:
            known[seeds] = _combined(tables, seeds)
        items = known[seeds]
        values.append(sum(draw.choices(items, k=len(items))) / len(items))
    values.sort()
    whole = fmean(_combined(tables, tuple(tuple(range(len(each))) for each in tables)))
    return MeasuredGain(value=scale * whole, low=scale * quantile(values, 0.025), high=scale * quantile(values, 0.975))


def _checked(table: Table) -> Table:
    if not table or not table[0] or len({len(row) for row in table}) > 1:
        raise AccountingError("An interval over no items, or over others under another seed.")
    return table


def _drawn(draw: random.Random, seeds: int) -> tuple[int, ...]:
    """Sorted, since order does not matter: few distinct draws, each evaluated once."""
    return tuple(sorted(draw.choices(range(seeds), k=seeds)))


def _combined(tables: Sequence[Table], seeds: Sequence[tuple[int, ...]]) -> list[float]:
    """One value per item: its mean over the drawn seeds, minus the other table's."""
    means = [
        [fmean(values) for values in zip(*(table[seed] for seed in drawn), strict=True)]
        for table, drawn in zip(tables, seeds, strict=True)
    ]
    return means[0] if len(means) == 1 else [mine - other for mine, other in zip(*means, strict=True)]
