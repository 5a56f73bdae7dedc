"""The selection of the actor's training data from an iteration's prompts: one policy a file, and the table of their
names (a recipe's `selection.pairs`).

A third party's are found by the entry-point group `spar.selection_policies` (see docs/extending.md).
"""

from collections.abc import Mapping
from types import MappingProxyType

from spar.method.selecting.base import Choice, Material, SelectionPolicy
from spar.method.selecting.extremes import EXTREMES
from spar.method.selecting.given import GIVEN
from spar.method.selecting.good_or_refined import GOOD_OR_REFINED
from spar.method.selecting.judged import JUDGED
from spar.method.selecting.length_controlled import LENGTH_CONTROLLED
from spar.method.selecting.lessons import LESSONS
from spar.method.selecting.pass_rate import PASS_RATE
from spar.method.selecting.passed import PASSED
from spar.method.selecting.refined import REFINED
from spar.method.selecting.refined_passed import REFINED_PASSED
from spar.method.selecting.sampled import SAMPLED

__all__ = ["SELECTING", "Choice", "Material", "SelectionPolicy"]

SELECTING: Mapping[str, SelectionPolicy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            *(REFINED, SAMPLED, EXTREMES, LENGTH_CONTROLLED, PASSED, REFINED_PASSED, PASS_RATE),
            *(GOOD_OR_REFINED, GIVEN, LESSONS, JUDGED),
        )
    }
)
