"""`refined`: the search's result over the negative (SPaR, docs/method.md). The default."""

from spar.method.negatives import choose_negative
from spar.method.pairs import refined_pair
from spar.method.records import Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy


def choose(material: Material) -> Pair | Outcome:
    negative = choose_negative(material.judged, material.seed)
    if isinstance(negative, Outcome):
        return negative
    return Outcome.ENGINE_FAILED if material.tree is None else refined_pair(material.tree)


REFINED = SelectionPolicy("refined", "pairs", choose, searches=True)
