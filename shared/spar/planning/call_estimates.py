"""Bounds on the calls to models: the least and most calls, and the most tokens. Knows no prices.

The tokens that a model reads depend on the prompts: the bounds assume long ones (`spar plan --prompt-tokens`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from spar.recipes.spending import Spent

TEMPLATE_TOKENS = 256
"""An estimate of what the judge and refine templates add to a prompt and a response."""
PROMPT_TOKENS = 512
"""The default length of a long prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """`written` and `read` belong to `most`: every call is made, and every reply reaches its token limit."""

    least: int = 0
    most: int = 0
    written: int = 0
    read: int = 0

    def plus(self, other: "CallEstimate") -> "CallEstimate":
        return CallEstimate(
            least=self.least + other.least,
            most=self.most + other.most,
            written=self.written + other.written,
            read=self.read + other.read,
        )

    def times(self, factor: int) -> "CallEstimate":
        return CallEstimate(
            least=factor * self.least, most=factor * self.most, written=factor * self.written, read=factor * self.read
        )

    @property
    def spent(self) -> Spent:
        """At most."""
        return Spent(calls=self.most, prompt_tokens=self.read, completion_tokens=self.written)


NOTHING = CallEstimate()


def calls(number: int, written: int, read: int, least: int | None = None) -> CallEstimate:
    """At most `number` calls (at least `least`), each of which writes and reads this many tokens."""
    return CallEstimate(
        least=number if least is None else least, most=number, written=number * written, read=number * read
    )


def added(parts: Iterable[CallEstimate]) -> CallEstimate:
    whole = NOTHING
    for part in parts:
        whole = whole.plus(part)
    return whole
