"""What determines a shard's steps, and a step in progress. Does nothing."""

from dataclasses import dataclass
from typing import Any

from spar.evolution.queue import Made
from spar.messages.base import EngineIdentity, ModelRef, ObjectRef
from spar.messages.evolution import EvolveSpec, ValidateSpec
from spar.recipes.models import EngineSettings, SamplingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolutionPlan:
    """Everything that determines a shard's results. `forms` and `taxonomy` are in the store."""

    model: ModelRef
    engine: EngineSettings
    forms: ObjectRef
    taxonomy: ObjectRef
    sampling: SamplingSettings
    retries: int
    seed: int

    def evolve(self, prompts: ObjectRef) -> EvolveSpec:
        return EvolveSpec(prompts=prompts, **self._shared())

    def validate(self, evolved: ObjectRef) -> ValidateSpec:
        return ValidateSpec(evolved=evolved, **self._shared())

    def _shared(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "engine": EngineIdentity.of(self.engine),
            "forms": self.forms,
            "taxonomy": self.taxonomy,
            "sampling": self.sampling,
            "retries": self.retries,
            "seed": self.seed,
        }


@dataclass(slots=True, kw_only=True)
class ShardStep:
    """A step of a shard. `id` is assigned by the runner.

    `failures` counts failed attempts, `missed` those whose message no worker started, `lost` those whose worker stopped
    responding.
    """

    id: int
    shard: int
    spec: EvolveSpec | ValidateSpec
    evolved: Made | None = None
    attempt: int = 0
    failures: int = 0
    missed: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardEnd:
    """A shard's two results, or the failure in place of one."""

    evolved: Made | None
    checked: Made | None
    failure: str = ""
