"""`refined_passed`: a prompt with its refined response, if that was judged good, as an example for SFT.

Prompts whose responses are all good give nothing; with them it is `good_or_refined`.
"""

from spar.method.records import Example, Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy, example_of
from spar.method.selecting.refined import choose as choose_refined


def choose(material: Material) -> Example | Outcome:
    refined = choose_refined(material)
    if not isinstance(refined, Pair):
        return refined
    return example_of(refined.prompt.text, refined.prompt.id, refined.chosen)


REFINED_PASSED = SelectionPolicy("refined_passed", "examples", choose, searches=True)
