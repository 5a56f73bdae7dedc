"""How work is handed out, what it may take, and what it costs."""

from typing import Annotated

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section


class DispatchSettings(Section):
    """How work is handed out; changes no result."""

    window: Positive = 64
    """Shard steps in flight at once."""
    step_deadline_s: Annotated[float, Field(gt=0)] = 3600.0
    training_deadline_s: Annotated[float, Field(gt=0)] = 86_400.0
    attempts: Positive = 3
    """Dispatches of one step before it is a dead letter."""


class PriceSettings(Section):
    """What work costs, in any one currency; a price of 0 costs nothing."""

    prompt_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model reads."""
    completion_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model writes."""
    hour: Annotated[float, Field(ge=0)] = 0.0
    """An hour in which the run is on: of all the machines that it holds together."""

    @property
    def free(self) -> bool:
        return not (self.prompt_million or self.completion_million or self.hour)


class BudgetSettings(Section):
    """Caps on what a run takes; None: none. It stops cleanly at the first that it reaches, and a higher one goes on.

    Calls and tokens (read and written) are those asked of models, evaluations included, trainings not.
    """

    calls: Count | None = None
    tokens: Count | None = None
    hours: Annotated[float, Field(ge=0)] | None = None
    """By the clock, while the run is on; pauses cost nothing."""
    money: Annotated[float, Field(ge=0)] | None = None
    trainings: Count | None = None
    """0: the run stops once its first selection is done."""
    price: PriceSettings = PriceSettings()
