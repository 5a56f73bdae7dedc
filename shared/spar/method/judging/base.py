"""The seam of judging: how replies about a response become a judgment. One file beside this one is one policy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spar.method.records import Judgment, Vote

Options = Mapping[str, float]
"""A policy's settings by name, those of its `options` that the recipe did not give filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingPolicy:
    """How a response is judged.

    `form` names the template that a model fills in; `text` is that template if a set has no file of this name. Without
    a form no model is prompted: the replies come from the prompt's checkers, or there are none (`no_replies`). `parse`
    turns a reply and its finish reason into a vote; `settle` turns all votes into the judgment, given a quorum of
    parsable ones. `options` are the policy's settings, with their defaults. `votes_only`: `Judgment.value` is V, the
    share of Yes, and critiques state what to refine, as a search requires. `read` returns the number that a reply
    states, for policies whose replies state one: only their judgments can be compared.
    """

    name: str
    form: str | None
    parse: Callable[[str, str, Options], Vote]
    settle: Callable[[Sequence[Vote], int, Options], Judgment]
    options: Options = field(default_factory=dict)
    text: str | None = None
    votes_only: bool = False
    read: Callable[[str], float | None] | None = None
    no_replies: bool = False
