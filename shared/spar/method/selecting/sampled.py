"""`sampled`: a good over a bad response, both drawn (the ablation "no refinement")."""

from spar.method.pairs import sampled_pair
from spar.method.records import Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy


def choose(material: Material) -> Pair | Outcome:
    return sampled_pair(material.judged, material.seed)


SAMPLED = SelectionPolicy("sampled", "pairs", choose, responses=2)
