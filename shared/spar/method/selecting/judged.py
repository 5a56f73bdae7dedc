"""`judged`: no row for the actor; what was judged, by whatever form, is to be learned. Nothing is searched."""

from spar.method.records import Outcome
from spar.method.selecting.base import Material, SelectionPolicy, none_is_good


def choose(material: Material) -> Outcome:
    """A lesson where any response got a label; else why none did."""
    judgments = [item.judgment for item in material.judged.responses if item.judgment is not None]
    if any(judgment.label is not None for judgment in judgments):
        return Outcome.LESSON
    return none_is_good(material.judged)


JUDGED = SelectionPolicy("judged", "examples", choose)
