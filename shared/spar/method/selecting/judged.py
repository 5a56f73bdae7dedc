"""`judged`: no row for the actor; the judgments, by any form, are for the refiner to learn. Nothing is searched."""

from spar.method.records import Outcome
from spar.method.selecting.base import Material, SelectionPolicy, none_is_good


def choose(material: Material) -> Outcome:
    """A lesson if any response got a label; else the reason that none did."""
    judgments = [item.judgment for item in material.judged.responses if item.judgment is not None]
    if any(judgment.label is not None for judgment in judgments):
        return Outcome.LESSON
    return none_is_good(material.judged)


JUDGED = SelectionPolicy("judged", "examples", choose)
