"""How work is handed out, what it may take, and what it costs."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section, Share, later


class DispatchSettings(Section):
    """How work is handed out; changes no result."""

    window: Positive = 64
    """Shard steps in flight at once."""
    step_deadline_s: Annotated[float, Field(gt=0)] = 3600.0
    training_deadline_s: Annotated[float, Field(gt=0)] = 86_400.0
    attempts: Positive = 3
    """Dispatches of one step before it is a dead letter."""
    engine_wait_s: Annotated[float, Field(ge=0)] = later(360.0)
    """How long an engine may stay unavailable, tried again and again, before the run is given up."""


class FailureSettings(Section):
    """When a run stops because of what became of its prompts; changes no result.

    Failures are prompts that ended as engine_failed, unparsable, refused, context_exceeded or too_long.
    """

    most: Share = 0.2
    """The share of an iteration's prompts that failures may cost. A run that loses more stops before it trains; 1: it
    never does."""
    nothing_learned: Literal["stop", "continue"] = "stop"
    """What follows an iteration without a single row to learn from: the run stops, or keeps both models."""
    canary: bool = True
    """Send the first shard of each iteration through generation and judgment before any other, and stop if nothing of
    it can be used."""


class CallPrice(Section):
    """What the calls of one who is asked cost; a price of 0 costs nothing."""

    prompt_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model reads."""
    completion_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model writes."""

    @property
    def calls_free(self) -> bool:
        return not (self.prompt_million or self.completion_million)


class PriceSettings(CallPrice):
    """What work costs, in any one currency: all calls alike, but for the teacher's."""

    hour: Annotated[float, Field(ge=0)] = 0.0
    """An hour in which the run is on: of all the machines that it holds together."""
    teacher: CallPrice | None = later(None)
    """The price of the teacher's calls (`init`); None: as all others."""

    @property
    def calls_free(self) -> bool:
        return super().calls_free and (self.teacher is None or self.teacher.calls_free)

    @property
    def free(self) -> bool:
        return self.calls_free and not self.hour


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
