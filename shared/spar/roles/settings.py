"""How a refiner is prompted, and a recipe's settings as rules of the method."""

from dataclasses import dataclass, field

from spar.method.defaults import REFINEMENT_TOKENS, RETRIES, TEMPERATURE
from spar.method.policies import SearchPolicy, make_policy
from spar.method.templates import TemplateSet
from spar.method.templates.forms import PromptForm
from spar.method.voting import VoteRules
from spar.recipes.models import JudgmentSettings, SamplingSettings, SearchSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerSettings:
    """How the refiner is prompted: its templates, its votes, and the sampling of refinements."""

    templates: TemplateSet
    judgment: JudgmentSettings = field(default_factory=JudgmentSettings)
    refinement: SamplingSettings = field(
        default_factory=lambda: SamplingSettings(temperature=TEMPERATURE, max_tokens=REFINEMENT_TOKENS)
    )
    retries: int = RETRIES
    """How often a failed refinement is drawn again."""
    vote_rounds: int | None = None
    """As a recipe's search.vote_rounds."""
    form: PromptForm | None = None
    """The prompt of the judgments' policy, if that is not the judge template."""

    @classmethod
    def for_search(
        cls, *, templates: TemplateSet, judgment: JudgmentSettings, search: SearchSettings
    ) -> "RefinerSettings":
        """The policy of a recipe's search."""
        return cls(
            templates=templates,
            judgment=judgment,
            refinement=search,
            retries=search.retries,
            vote_rounds=search.vote_rounds,
        )

    @property
    def vote_rules(self) -> VoteRules:
        """The rules of votes on responses: what is missing of a quorum is drawn again."""
        settings = self.judgment
        return VoteRules(votes=settings.votes, quorum=settings.quorum, retries=settings.retries)

    @property
    def node_vote_rules(self) -> VoteRules:
        """The rules of votes on a tree's nodes: as for responses, or, in rounds, all drawn anew without a majority."""
        if self.vote_rounds is None:
            return self.vote_rules
        settings = self.judgment
        return VoteRules(votes=settings.votes, quorum=settings.quorum, retries=self.vote_rounds - 1, redraw=True)


def policy_of(settings: SearchSettings) -> SearchPolicy:
    return make_policy(
        settings.policy,
        branch=settings.branch,
        keep=settings.beam_width,
        depth=settings.depth,
        gate=settings.accept_threshold,
        retries=settings.retries,
        stop_when_decided=settings.stop_when_decided,
    )
