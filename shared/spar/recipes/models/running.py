"""How work is handed out, what it may take, and what it costs."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section, Share, Unit, omitted_when_default


class DispatchSettings(Section):
    """How work is handed out; changes no result."""

    window: Annotated[Positive, Unit("steps")] = 64
    """Shard steps in flight at once."""
    step_deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 3600.0
    """Time that a step other than a training may take; then it fails and is retried."""
    training_deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 86_400.0
    """Time that one training may take."""
    attempts: Annotated[Positive, Unit("attempts")] = 3
    """Dispatches of one step before it is a dead letter."""
    engine_wait_s: Annotated[float, Field(ge=0), Unit("seconds")] = omitted_when_default(360.0)
    """How long an engine, a store or a service may stay unavailable, or the same error may repeat for step after step,
    before the run stops as failed. Until then such work is paused and probed. Of a run in which nothing has succeeded
    yet, at most 30 seconds where the error is not that something is unavailable."""


class FailureSettings(Section):
    """When a run stops because of what became of its prompts; changes no result.

    Failures are prompts that ended as engine_failed, unparsable, refused, context_exceeded or too_long.
    """

    most: Share = 0.2
    """The share of an iteration's prompts that failures may cost. A run that loses more stops before it trains; 1: it
    never does."""
    dead_shards: Share = omitted_when_default(0.1)
    """The share of the run's prompts that shards may hold whose steps failed for good. A run with more stops as failed
    at once; when it is resumed it tries them again. 1: it never stops for them."""
    nothing_learned: Literal["stop", "continue"] = "stop"
    """What follows an iteration without a single row to learn from: the run stops, or keeps both models."""
    canary: bool = True
    """Send the first shard of each iteration through generation and judgment before any other, and stop if nothing of
    it can be used."""


class CallPrice(Section):
    """What calls cost; a price of 0 costs nothing."""

    prompt_million: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of a million tokens that models read."""
    completion_million: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of a million tokens that models write."""

    @property
    def calls_free(self) -> bool:
        return not (self.prompt_million or self.completion_million)


class PriceSettings(CallPrice):
    """What work costs, in any one currency: all calls alike, but for the teacher's."""

    hour: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of an hour in which the run is on, of all machines that it holds together."""
    teacher: CallPrice | None = omitted_when_default(None)
    """The price of the teacher's calls (`init`); null: as all others."""

    @property
    def calls_free(self) -> bool:
        return super().calls_free and (self.teacher is None or self.teacher.calls_free)

    @property
    def free(self) -> bool:
        return self.calls_free and not self.hour


class BudgetSettings(Section):
    """Caps on what a run takes; null: none. It stops cleanly at the first that it reaches,
    and resumes under a higher one.

    Calls and tokens (read and written) are those requested of models, evaluations included, trainings not.
    """

    calls: Annotated[Count | None, Unit("calls")] = None
    """At most so many calls of models."""
    tokens: Annotated[Count | None, Unit("tokens")] = None
    """At most so many tokens, read and written."""
    hours: Annotated[Annotated[float, Field(ge=0)] | None, Unit("hours")] = None
    """By the clock, while the run is on; pauses cost nothing."""
    money: Annotated[Annotated[float, Field(ge=0)] | None, Unit("currency units")] = None
    """At most so much, by `price`."""
    trainings: Annotated[Count | None, Unit("trainings")] = None
    """0: the run stops once its first selection is done."""
    price: PriceSettings = PriceSettings()
    """What tokens and hours cost, in any one currency."""
