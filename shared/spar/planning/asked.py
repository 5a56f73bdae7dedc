"""What models are asked for, as bounds: calls from the least to the most, tokens at most. Sums of them; prices nothing.

The tokens that a model reads depend on the prompts: they are counted for long ones (`spar plan --prompt-tokens`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from spar.recipes.spending import Spent

TEMPLATE_TOKENS = 256
"""An estimate: what the judge and refine templates add to a prompt and a response."""
PROMPT_TOKENS = 512
"""Of a long prompt, unless told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEstimate:
    """`written` and `read` go with `most`: every call is made, and every reply is as long as its limit."""

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
    """So many calls, or from `least` on, each of which writes and reads so much."""
    return CallEstimate(
        least=number if least is None else least, most=number, written=number * written, read=number * read
    )


def added(parts: Iterable[CallEstimate]) -> CallEstimate:
    whole = NOTHING
    for part in parts:
        whole = whole.plus(part)
    return whole
