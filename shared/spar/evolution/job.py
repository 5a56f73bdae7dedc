"""The job of an evolution, and the part of it that determines the output. Does nothing."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spar.data.layouts import PromptRules, SystemRule
from spar.data.sources import Options
from spar.data.text_rows import Rule, TextRules
from spar.evolution.forms import FormSet
from spar.evolution.price import Prices
from spar.evolution.taxonomy import Taxonomy
from spar.messages.base import EngineIdentity, ModelRef
from spar.messages.evolution import EVOLVE_REVISION, VALIDATE_REVISION
from spar.recipes.models import EngineSettings, SamplingSettings

SHARD = 16
"""Seed prompts per shard, as in runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolveJob:
    """What to evolve, and how. `window`: how many prompts are with the teacher at once."""

    sources: tuple[str, ...]
    out: Path
    options: Options
    system: SystemRule
    limit: int | None
    engine: EngineSettings
    model: ModelRef
    taxonomy: Taxonomy
    forms: FormSet
    sampling: SamplingSettings
    retries: int
    seed: int
    window: int
    prices: Prices
    replace: bool = False
    tools: Rule = "reject"

    @property
    def steps_at_once(self) -> int:
        return max(1, self.window // SHARD)

    @property
    def rules(self) -> PromptRules:
        return PromptRules(self.system, TextRules(tools=self.tools))

    def settings(self) -> dict[str, Any]:
        """Everything that determines the output, in JSON's types; not where the teacher runs, nor its price."""
        return {
            "revisions": [EVOLVE_REVISION, VALIDATE_REVISION],
            "options": asdict(self.options),
            "system": self.system,
            "tools": self.tools,
            "limit": self.limit,
            "teacher": self.model.model_dump(mode="json"),
            "engine": EngineIdentity.of(self.engine).model_dump(mode="json"),
            "taxonomy": {"name": self.taxonomy.name, "sha256": _digest(asdict(self.taxonomy))},
            "forms": {"name": self.forms.name, "sha256": _digest(asdict(self.forms))},
            "sampling": self.sampling.model_dump(mode="json"),
            "retries": self.retries,
            "seed": self.seed,
        }


def _digest(plain: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
