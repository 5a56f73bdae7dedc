"""What all messages share: references, the spec that determines a result and its fingerprint, the step envelope.

Knows nothing of who sends or receives.
"""

import hashlib
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from spar.messages.identity import Reference, canonical_form
from spar.recipes.models import EngineSettings, omitted_when_default


class StepKind(StrEnum):
    """The steps, in the order in which work flows; later ones are dispatched first."""

    GENERATION = "generation"
    JUDGMENT = "judgment"
    COMPARISON = "comparison"
    REFINEMENT = "refinement"
    SELECTION = "selection"
    TRAINING = "training"
    EVALUATION = "evaluation"


SHARD_KINDS = (StepKind.GENERATION, StepKind.JUDGMENT, StepKind.COMPARISON, StepKind.REFINEMENT)
"""The steps of a shard; the others are an iteration's."""


class Wire(BaseModel):
    """Anything that travels: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ObjectRef(Reference):
    """An object in the store, whose key ends in the SHA-256 of its bytes."""

    key: str

    @property
    def sha256(self) -> str:
        return self.key.rsplit("/", 1)[-1]

    def identifier(self) -> str:
        return self.sha256


class ModelRef(Reference):
    """A model: what identifies it, and where its files are.

    `location` is `store` (under models/<fingerprint>/ in the object store), `dir:PATH`, `builtin:NAME`,
    `hub:ID@REVISION` or `served:NAME`.
    """

    fingerprint: str
    location: str

    def identifier(self) -> str:
        return self.fingerprint


class EngineIdentity(Wire):
    """What of an engine determines its replies; its address and size do not."""

    identity: ClassVar[str] = "EngineIdentity"
    kind: str
    dtype: str
    send_seed: bool
    body: dict[str, JsonValue] = omitted_when_default({})

    @classmethod
    def of(cls, settings: EngineSettings) -> "EngineIdentity":
        return cls(kind=_kind(settings), dtype=settings.dtype, send_seed=settings.send_seed, body=settings.body)


def _kind(settings: EngineSettings) -> str:
    """The kind, and those arguments of its server that may change replies (a quantization, say)."""
    if settings.kind != "vllm":
        return settings.kind
    length = settings.vllm.max_model_len
    return " ".join(["vllm", *([f"--max-model-len={length}"] if length else []), *settings.vllm.extra_args])


class Spec(Wire):
    """All that determines a result, and nothing else. A worker computes from its spec alone.

    Each states its `identity`, under which it counts in the fingerprint, whatever its class is called.
    `revision` is raised whenever the same spec would give other bytes (tests/unit/messages/test_golden.py fails then).
    """

    revision: int

    def fingerprint(self) -> str:
        """SHA-256 over the canonical JSON, where objects count as their hash and models as their fingerprint.

        A field made by `omitted_when_default` does not count while it has its default (docs/decisions/0007).
        """
        return hashlib.sha256(canonical_form(self).encode()).hexdigest()


class StepMessage(Wire):
    """The envelope of every command to a worker; each adds its own `spec`.

    `reply_to` is the queue that receives the step's reports; None: the coordinator's. A sender without a coordinator
    has no tables either: the report of such a step is kept in the store, beside its result (docs/decisions/0008).
    """

    version: Literal[1] = 1
    run_id: str
    step_id: int
    attempt: int
    fingerprint: str
    deadline_s: float
    engine: EngineSettings
    reply_to: str | None = omitted_when_default(None)
