"""Tree search at inference: an actor responds, a refiner judges, and a bad response is refined by the search.

Works with any two `ChatModel`s, under a budget and a deadline. The gateway and `spar decode` use it. It knows nothing
of HTTP, queues or runs.
"""

from spar.inference.infer import infer
from spar.inference.records import (
    CallCounters,
    InferenceRequest,
    InferenceResult,
    RoleModels,
    StopReason,
)
from spar.inference.strategies import STRATEGIES, Strategy, make_strategy
from spar.roles.refiner import Refiner
from spar.roles.settings import RefinerSettings

__all__ = [
    "STRATEGIES",
    "CallCounters",
    "InferenceRequest",
    "InferenceResult",
    "Refiner",
    "RefinerSettings",
    "RoleModels",
    "StopReason",
    "Strategy",
    "infer",
    "make_strategy",
]
