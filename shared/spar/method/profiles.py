"""What a recipe's profile changes: `fixed` keeps the recipe's rules, `paper` sets the paper's outcome rules.

Only outcome rules: what the authors' scripts get wrong (METHOD section 3) no profile brings back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

from spar.method.policies import SearchPolicy
from spar.method.voting import VoteRules

Rule = TypeVar("Rule", int, bool)


@dataclass(frozen=True, slots=True)
class Profile:
    """The rules a profile imposes; None leaves the recipe's own."""

    name: str
    quorum: int | None = None
    response_retries: int | None = None
    """How often votes on an actor's response are asked for again."""
    search_retries: int | None = None
    """How often votes on a node, and refinements, are asked for again."""
    stop_when_decided: bool | None = None

    def response_votes(self, rules: VoteRules) -> VoteRules:
        """The vote rules for judging an actor's responses."""
        return self._votes(rules, self.response_retries)

    def search_votes(self, rules: VoteRules) -> VoteRules:
        """The vote rules for judging a tree's nodes."""
        return self._votes(rules, self.search_retries)

    def search_policy(self, policy: SearchPolicy) -> SearchPolicy:
        return replace(
            policy,
            retries=_or(self.search_retries, policy.retries),
            stop_when_decided=_or(self.stop_when_decided, policy.stop_when_decided),
        )

    def _votes(self, rules: VoteRules, retries: int | None) -> VoteRules:
        return replace(rules, quorum=_or(self.quorum, rules.quorum), retries=_or(retries, rules.retries))


def _or(imposed: Rule | None, own: Rule) -> Rule:
    return own if imposed is None else imposed


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "fixed": Profile("fixed"),
        # One parsable vote is enough. A response without any is dropped at once; a node is asked again three times.
        "paper": Profile("paper", quorum=1, response_retries=0, search_retries=3, stop_when_decided=False),
    }
)
