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
    whole = [(value, item) for value, item in values if item.response.failure is None]
    if not whole:
        return Outcome.UNSOLVED
    best, chosen = max(whole, key=lambda pair: pair[0])
    text = chosen.response.text
    others = [(value, item) for value, item in values if item.response.text != text]
    worst, rejected = min(others, key=lambda pair: pair[0], default=(best, chosen))
    if worst >= best:  # or what scored higher is not whole
        return Outcome.EQUAL_SCORES if best == max(values, key=lambda pair: pair[0])[0] else Outcome.UNSOLVED
    return Pair(prompt=material.judged.prompt, chosen=text, rejected=rejected.response.text)


EXTREMES = SelectionPolicy("extremes", "pairs", choose, responses=2)
