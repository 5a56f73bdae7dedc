"""A run's state that tests of the flow start from."""

from services.coordinator.state import RunState
from spar.messages.base import StepKind
from spar.messages.states import IterationStatus

IN_ITS_FIRST_SHARDS = RunState(
    running=True,
    iteration=1,
    iterations=3,
    status=IterationStatus.SHARDS,
    shards=4,
    chain=(StepKind.GENERATION, StepKind.JUDGMENT, StepKind.REFINEMENT),
    window=8,
    evaluates=False,
)
