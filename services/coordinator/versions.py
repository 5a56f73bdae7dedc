"""Updates messages that an older version built to this version's revisions before they are sent.

A step that was ready or in flight when the version changed names a revision that no worker of this version accepts. Its
result is computed anew, under another fingerprint. Sends nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from spar.db.tables import Step
from spar.errors import ConflictError
from spar.messages.base import StepKind, StepMessage
from spar.messages.evaluation import Evaluate
from spar.messages.generation import Generate
from spar.messages.judgment import Compare, Judge
from spar.messages.refinement import Refine
from spar.messages.training import Select, Train

MESSAGES: Mapping[StepKind, type[StepMessage]] = MappingProxyType(
    {
        StepKind.GENERATION: Generate,
        StepKind.JUDGMENT: Judge,
        StepKind.COMPARISON: Compare,
        StepKind.REFINEMENT: Refine,
        StepKind.SELECTION: Select,
        StepKind.TRAINING: Train,
        StepKind.EVALUATION: Evaluate,
    }
)


def renew(step: Step) -> None:
    """Update the step's message to this version's revision, if it has another. Raises ConflictError if it cannot."""
    message = MESSAGES[step.kind]
    try:
        message.model_validate(step.message)
    except ValidationError:
        _reword(step, message)


def _reword(step: Step, message: type[StepMessage]) -> None:
    spec = {name: value for name, value in step.message["spec"].items() if name != "revision"}
    try:
        worded = message.model_validate({**step.message, "spec": spec})
    except ValidationError as error:
        raise ConflictError(
            f"Step {step.id} ({step.kind}) was prepared by a version whose message this one cannot read: {error}.",
            "Resume the run with that version, or run its recipe in a new directory or under a new name.",
        ) from error
    fingerprint: str = worded.spec.fingerprint()  # type: ignore[attr-defined]  # every message has a spec of its own
    step.fingerprint = fingerprint
    step.message = worded.model_copy(update={"fingerprint": fingerprint}).model_dump(mode="json")
