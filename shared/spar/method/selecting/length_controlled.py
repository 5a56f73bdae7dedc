"""`length_controlled`: as `extremes`, but the shortest of the near-best responses, and the longest of the near-worst.

Near means within a share `rho` of the range: scores in [(1 - rho) S_max + rho S_min, S_max] count as the best
(Meta-Rewarding, arXiv 2407.19594, section 2.2). With rho 0 length only breaks ties. A pair whose chosen response has
more than `max_chars` characters is too long; 0: no limit.
"""

from spar.method.outcomes import unusable
from spar.method.records import JudgedResponse, Outcome, Pair
from spar.method.selecting.base import Material, SelectionPolicy, scored


def choose(material: Material) -> Pair | Outcome:
    """The shortest of the responses that score near the best, against the longest of those near the worst.

    `rho` of the range of scores counts as near. Source: Meta-Rewarding, arXiv 2407.19594, section 2.2.
    """
    values = scored(material.judged)
    if len(values) < 2:
        return unusable(material.judged)
    scores = [value for value, _ in values]
    least, most, rho = min(scores), max(scores), material.options["rho"]
    if least == most:
        return Outcome.EQUAL_SCORES
    high = [(value, item) for value, item in values if value >= (1 - rho) * most + rho * least]
    best = [(value, item) for value, item in high if item.response.failure is None]
    if not best:
        return Outcome.UNSOLVED  # none of the high-ranking ones is complete
    worst = [(value, item) for value, item in values if value <= (1 - rho) * least + rho * most]
    chosen_value, chosen = min(best, key=lambda pair: _words(pair[1]))
    rejected_value, rejected = max(worst, key=lambda pair: _words(pair[1]))
    if chosen_value <= rejected_value or chosen.response.text == rejected.response.text:
        return Outcome.EQUAL_SCORES  # rho is so large that both ends overlap
    if 0 < material.options["max_chars"] < len(chosen.response.text):
        return Outcome.TOO_LONG
    return Pair(prompt=material.judged.prompt, chosen=chosen.response.text, rejected=rejected.response.text)


def _words(item: JudgedResponse) -> int:
    return len(item.response.text.split())


LENGTH_CONTROLLED = SelectionPolicy(
    "length_controlled", "pairs", choose, responses=2, options={"rho": 0.0, "max_chars": 0.0}
)
