"""`lessons`: no row for the actor; judgments and refinements are for the refiner alone to learn from.

The outcome is whether the negative got a refinement that was judged good.
"""

from spar.method.records import Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy
from spar.method.selecting.refined import choose as choose_refined


def choose(material: Material) -> Outcome:
    refined = choose_refined(material)
    return Outcome.LESSON if isinstance(refined, Pair) else refined


LESSONS = SelectionPolicy("lessons", "examples", choose, searches=True)
