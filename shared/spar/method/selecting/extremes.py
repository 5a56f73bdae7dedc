"""`extremes`: the response with the highest value over the one with the lowest; equal values give no pair.

Best-of-N for an iterative DPO, and Self-Rewarding's rule (arXiv 2401.10020, section 2.3).
"""

from spar.method.outcomes import unusable
from spar.method.records import Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy, scored


def choose(material: Material) -> Pair | Outcome:
    """Of responses with the same value the first counts; the same text is never on both sides."""
    values = scored(material.judged)
    if len(values) < 2:
        return unusable(material.judged)
    best, chosen = max(values, key=lambda pair: pair[0])
    text = chosen.response.text
    others = [(value, item) for value, item in values if item.response.text != text]
    worst, rejected = min(others, key=lambda pair: pair[0], default=(best, chosen))
    if worst >= best:
        return Outcome.EQUAL_SCORES
    return Pair(material.judged.prompt, text, rejected.response.text)


EXTREMES = SelectionPolicy("extremes", "pairs", choose, responses=2)
