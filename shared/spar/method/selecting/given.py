"""`given`: the first usable response, as an example for SFT whatever its judgment (a teacher's responses)."""

from spar.method.outcomes import unusable
from spar.method.records import Example, Outcome
from spar.method.selecting.base import Material, SelectionPolicy, example_of


def choose(material: Material) -> Example | Outcome:
    judged = material.judged
    usable = (item.response.text for item in judged.responses if item.response.failure is None)
    text = next(usable, None)
    return unusable(judged) if text is None else example_of(judged.prompt.text, judged.prompt.id, text)


GIVEN = SelectionPolicy("given", "examples", choose)
