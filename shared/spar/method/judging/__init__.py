"""How a response is judged: one policy a file, and the table of their names (a recipe's `judgment.policy`).

A third party's are found by the entry-point group `spar.judgment_policies` (see docs/extending.md).
"""

from collections.abc import Mapping
from types import MappingProxyType

from spar.method.judging.base import JudgingPolicy, Options
from spar.method.judging.execution import EXECUTION
from spar.method.judging.rating import RATING
from spar.method.judging.rubric import RUBRIC
from spar.method.judging.unjudged import UNJUDGED
from spar.method.judging.verdict import VERDICT

__all__ = ["JUDGING", "JudgingPolicy", "Options"]

JUDGING: Mapping[str, JudgingPolicy] = MappingProxyType(
    {policy.name: policy for policy in (VERDICT, RUBRIC, RATING, EXECUTION, UNJUDGED)}
)
