"""The seam of judging: how replies about a response become a judgment. One file beside this one is one policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spar.method.records import Judgment, Vote

Options = Mapping[str, float]
"""A policy's settings by name, those of its `options` that the recipe did not give filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingPolicy:
    """How a response is judged.

    `form` names the template that a model fills in; `text` is that template where a set has no file of this name.
    Without a form no model is prompted: the replies come from the prompt's checkers, or there are none (`asks_nobody`).
    `parse` makes a vote of one reply and its finish reason; `settle` makes the judgment of all votes, needing a quorum
    of parsable ones. `options` are the settings it knows, with their defaults. `votes_only` says that `Judgment.value`
    is V, the share of Yes, and that critiques tell what to refine: only then can a search go by it. `read` is which
    number a reply states, for policies whose replies state one: only their judgments can be compared.
    """

    name: str
    form: str | None
    parse: Callable[[str, str, Options], Vote]
    settle: Callable[[Sequence[Vote], int, Options], Judgment]
    options: Options = field(default_factory=dict)
    text: str | None = None
    votes_only: bool = False
    read: Callable[[str], float | None] | None = None
    asks_nobody: bool = False
