"""The settings of a sweep, as one object; those that change a number are stored with the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from spar.experiments.inference_scaling.grid import BUDGETS
from spar.inference.strategies import STRATEGIES, TreeShape
from spar.method.defaults import REFINEMENT_TOKENS, REPLY_TOKENS, TEMPERATURE, VOTES
from spar.method.templates import TemplateSet
from spar.recipes.models import JudgmentSettings, SamplingSettings
from spar.roles.settings import RefinerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    strategies: Sequence[str] = tuple(STRATEGIES)
    budgets: Sequence[int] = BUDGETS
    shape: TreeShape = field(default_factory=TreeShape)
    retries: int = 0
    """How often a failed refinement is drawn again. Above 0 more may be drawn than the budget; it is counted."""
    votes: int = VOTES
    majority: Sequence[int] = (1, 3, 5, 7, 9)
    """Votes of the majority curve; empty: no curve."""
    judge_items: int = 1000
    response_tokens: int = REPLY_TOKENS
    judge_tokens: int = REPLY_TOKENS
    refine_tokens: int = REFINEMENT_TOKENS
    seed: int = 0
    at_once: int = 512
    """Prompts in progress at once; changes no number."""

    @property
    def judgment(self) -> JudgmentSettings:
        quorum = self.votes // 2 + 1
        return JudgmentSettings(votes=self.votes, quorum=quorum, temperature=TEMPERATURE, max_tokens=self.judge_tokens)

    def refining(self, templates: TemplateSet) -> RefinerSettings:
        refinement = SamplingSettings(temperature=TEMPERATURE, max_tokens=self.refine_tokens)
        return RefinerSettings(templates=templates, judgment=self.judgment, refinement=refinement, retries=self.retries)

    def as_json(self, templates: TemplateSet) -> Mapping[str, Any]:
        settings = asdict(self)
        del settings["at_once"]
        return {**settings, "temperature": TEMPERATURE, "templates": templates.name, "first response": "greedy"}
