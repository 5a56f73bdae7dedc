"""How prompts get responses: one policy a file, and the table of their names (a recipe's `generation.policy`).

A third party's are found by the entry-point group `spar.generation_policies` (see docs/extending.md).
"""

from collections.abc import Mapping
from types import MappingProxyType

from spar.method.generating.base import GeneratingPolicy
from spar.method.generating.instruct import INSTRUCT
from spar.method.generating.respond import RESPOND

__all__ = ["GENERATING", "GeneratingPolicy"]

GENERATING: Mapping[str, GeneratingPolicy] = MappingProxyType({policy.name: policy for policy in (RESPOND, INSTRUCT)})
