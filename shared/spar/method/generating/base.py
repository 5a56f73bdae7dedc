"""The interface of generation: how a model is prompted, and how its replies are used in the loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spar.method.records import Generated, Prompt, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratingPolicy:
    """How a shard's prompts become prompts with responses.

    Without a `form` the bare prompt is sent; `text` is the form where a template set has no file of this
    name. `backward` says that the recipe's `models.backward` is prompted instead of the actor. `read` takes a reply's
    place, text and finish reason; `arrange` makes the row that is judged.
    """

    name: str
    form: str | None
    read: Callable[[int, str, str], Response]
    arrange: Callable[[Prompt, Sequence[Response]], Generated]
    backward: bool = False
    text: str | None = None
