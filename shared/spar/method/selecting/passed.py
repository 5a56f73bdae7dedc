"""`passed`: the best response that is labelled good, as an example for SFT (Humpback's fives, AutoIF's passes)."""

from spar.method.negatives import good_and_whole
from spar.method.records import Example, Outcome
from spar.method.selecting.base import Material, SelectionPolicy, example_of, none_is_good


def choose(material: Material) -> Example | Outcome:
    """Of several with the same value the first."""
    judged = material.judged
    good = good_and_whole(judged)
    if not good:
        return none_is_good(judged)
    best = max(good, key=lambda item: item.judgment.value or 0.0 if item.judgment else 0.0)
    return example_of(judged.prompt.text, judged.prompt.id, best.response.text)


PASSED = SelectionPolicy("passed", "examples", choose)
