"""`pass_rate`: a response that passes at least half of its checkers over one that passes none (AutoIF's DPO data).

The half is `judgment.options.good`, from which on a response is labelled good (arXiv 2406.13542).
"""

from random import Random

from spar.method.negatives import good_and_whole
from spar.method.records import Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy, none_is_good, scored


def choose(material: Material) -> Pair | Outcome:
    """The best that passes, the first of equals; the failing one is drawn."""
    judged = material.judged
    good = good_and_whole(judged)
    if not good:
        return none_is_good(judged)
    chosen = max(good, key=lambda item: item.judgment.value or 0.0 if item.judgment else 0.0).response.text
    failing = [item for value, item in scored(judged) if value == 0 and item.response.text != chosen]
    if not failing:
        return Outcome.ALL_GOOD
    return Pair(prompt=judged.prompt, chosen=chosen, rejected=Random(material.seed).choice(failing).response.text)


PASS_RATE = SelectionPolicy("pass_rate", "pairs", choose, responses=2)
