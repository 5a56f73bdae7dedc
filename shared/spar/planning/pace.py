"""How fast an engine is: the law of continuous batching, in which a step decodes one token of every running sequence.

    seconds of a call = call + step x steps + token x tokens written by all + prompt_token x prompt tokens read by all

counted from request to reply (Kwon et al. 2023, arXiv 2309.06180: why sequences share steps). With other weights it
also describes an endpoint whose calls do not share steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePace:
    """Seconds; `sequences` run at once, further ones queue."""

    call: float
    step: float
    token: float
    prompt_token: float
    sequences: int

    def times(self, factor: float) -> "EnginePace":
        return EnginePace(
            call=self.call * factor,
            step=self.step * factor,
            token=self.token * factor,
            prompt_token=self.prompt_token * factor,
            sequences=self.sequences,
        )


def least_squares(rows: Sequence[Sequence[float]], targets: Sequence[float]) -> list[float]:
    """The best non-negative weights: tries every subset of the few features."""
    width = len(rows[0])
    # Features differ by orders of magnitude: scaled alike, they can be distinguished from rounding errors.
    sizes = [sum(row[a] ** 2 for row in rows) ** 0.5 or 1.0 for a in range(width)]
    scaled = [[value / size for value, size in zip(row, sizes, strict=True)] for row in rows]
    products = [[sum(row[a] * row[b] for row in scaled) for b in range(width)] for a in range(width)]
    against = [sum(row[a] * target for row, target in zip(scaled, targets, strict=True)) for a in range(width)]
    best, least = [0.0] * width, 0.0
    for size in range(1, width + 1):
        for chosen in combinations(range(width), size):
            weights = _solved([[products[a][b] for b in chosen] + [against[a]] for a in chosen])
            if weights is None or min(weights) < 0:
                continue
            # The squared error without the constant term; a further feature must reduce it.
            error = -sum(weight * against[a] for weight, a in zip(weights, chosen, strict=True))
            if error < least - 1e-9 * abs(least):
                least, best = error, [0.0] * width
                for place, weight in zip(chosen, weights, strict=True):
                    best[place] = weight
    return [weight / size for weight, size in zip(best, sizes, strict=True)]


def _solved(matrix: list[list[float]]) -> list[float] | None:
    """Solves linear equations by elimination; None where features are linearly dependent."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda line: abs(matrix[line][column]))
        if abs(matrix[pivot][column]) < 1e-9:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for line in range(size):
            if line != column:
                factor = matrix[line][column] / matrix[column][column]
                matrix[line] = [x - factor * y for x, y in zip(matrix[line], matrix[column], strict=True)]
    return [matrix[line][size] / matrix[line][line] for line in range(size)]
