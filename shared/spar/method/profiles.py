"""What a recipe's profile changes: `fixed` keeps the recipe's rules, `paper` sets the paper's outcome rules.

Only outcome rules: no profile reproduces the errors of the authors' scripts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The rules that a profile sets; None keeps the recipe's own."""

    name: str
    quorum: int | None = None
    response_retries: int | None = None
    """How often votes on an actor's response are requested again."""
    search_retries: int | None = None
    """How often a failed refinement is drawn again."""
    vote_rounds: int | None = None
    """How often all votes on a node are drawn, while they have no majority; else missing ones are requested again."""
    stop_when_decided: bool | None = None


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "fixed": Profile(name="fixed"),
        # One parsable vote is enough. A response without any is dropped at once; a node has three rounds of votes, a
        # refinement nine tries.
        "paper": Profile(
            name="paper", quorum=1, response_retries=0, search_retries=8, vote_rounds=3, stop_when_decided=False
        ),
    }
)
