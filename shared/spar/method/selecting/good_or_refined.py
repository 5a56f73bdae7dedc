"""`good_or_refined`: a prompt with its response if that was judged good, else with its refinement if that was.

SELF's rule (arXiv 2310.00533, section 3.2): feedback decides whether a response needs refining; texts that pass are
learned, refined or not. No DPO.
"""

from spar.method.records import Example, Outcome
from spar.method.selecting.base import Material, SelectionPolicy
from spar.method.selecting.passed import choose as choose_passed
from spar.method.selecting.refined_passed import choose as choose_refined


def choose(material: Material) -> Example | Outcome:
    """A bad response is refined even where another one of the prompt is good, as the search does."""
    chosen = choose_refined(material)
    return choose_passed(material) if chosen is Outcome.ALL_GOOD else chosen


GOOD_OR_REFINED = SelectionPolicy("good_or_refined", "examples", choose, searches=True)
