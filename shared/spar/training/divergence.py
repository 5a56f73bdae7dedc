"""When a training has diverged: pure arithmetic over what its steps log. Knows no model library.

The loss that transformers logs is not enough: by default its filter writes a NaN as 0.0. So the gradient's norm, which
no filter touches, counts as much, and the weights are checked before they are published.
"""

import math
from collections.abc import Mapping
from typing import Any

from spar.recipes.models import DivergenceSettings

LOSS, NORM, MARGIN = "loss", "grad_norm", "rewards/margins"
"""Names in the logs of transformers and TRL."""


def divergence(logs: Mapping[str, Any], first: float, settings: DivergenceSettings) -> str | None:
    """What shows that the training has diverged, in words; None while it has not. `first` is the first step's loss."""
    for name, words in ((LOSS, "loss"), (NORM, "gradient norm"), (MARGIN, "reward margin")):
        if (value := logs.get(name)) is not None and not math.isfinite(value):
            return f"its {words} became {value}"
    start, loss = max(first, 1.0), logs.get(LOSS, 0.0)
    if settings.loss is not None and loss > settings.loss * start:
        return f"its loss became {loss:.4g}, over {settings.loss:g} times that of the first step ({first:.4g})"
    margin = logs.get(MARGIN, 0.0)
    if settings.margin is not None and abs(margin) > settings.margin:
        return f"its mean reward margin became {margin:.4g}, beyond {settings.margin:g}"
    return None
