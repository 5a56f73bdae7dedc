"""Dispatching, failures, budgets and prices."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Count, Positive, Section, Share, Unit, omitted_when_default


class DispatchSettings(Section):
    """How work is dispatched; changes no result."""

    window: Annotated[Positive, Unit("steps")] = 64
    """Shard steps in flight at once."""
    step_deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 3600.0
    """Timeout of a step other than a training, which then fails and is retried."""
    training_deadline_s: Annotated[float, Field(gt=0), Unit("seconds")] = 86_400.0
    """Timeout of one training."""
    attempts: Annotated[Positive, Unit("attempts")] = 3
    """Attempts of one step before it becomes a dead letter."""
    engine_wait_s: Annotated[float, Field(ge=0), Unit("seconds")] = omitted_when_default(360.0)
    """How long an engine, a store or a service may stay unavailable, or the same error may recur in consecutive steps,
    before the run stops as failed. Until then such work is paused and probed. At most 30 seconds in a run in which
    nothing has succeeded yet, unless something is unavailable."""


class FailureSettings(Section):
    """When a run stops because of its prompts' outcomes; changes no result.

    Failures are prompts with the outcome engine_failed, unparsable, refused, context_exceeded or too_long.
    """

    most: Share = 0.2
    """The allowed share of failures among an iteration's prompts. A run with more stops before it trains; 1: never."""
    dead_shards: Share = omitted_when_default(0.1)
    """The allowed share of the run's prompts in shards with dead letters. A run with more stops as failed at once; a
    resume retries them. 1: never."""
    nothing_learned: Literal["stop", "continue"] = "stop"
    """After an iteration without a single training row, stop the run, or continue with both models unchanged."""
    canary: bool = True
    """Send the first shard of each iteration through generation and judgment before all others, and stop if none of it
    is usable."""


class CallPrice(Section):
    """Prices of calls."""

    prompt_million: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of a million prompt tokens."""
    completion_million: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of a million completion tokens."""

    @property
    def calls_free(self) -> bool:
        return not (self.prompt_million or self.completion_million)


class PriceSettings(CallPrice):
    """Prices of work, in any one currency: of all calls, except for the teacher's."""

    hour: Annotated[float, Field(ge=0), Unit("currency units")] = 0.0
    """Price of an hour in which the run is active, for all of its machines together."""
    teacher: CallPrice | None = omitted_when_default(None)
    """Prices of the teacher's calls (`init`); null: as for all others."""

    @property
    def calls_free(self) -> bool:
        return super().calls_free and (self.teacher is None or self.teacher.calls_free)

    @property
    def free(self) -> bool:
        return self.calls_free and not self.hour


class BudgetSettings(Section):
    """Caps on a run's usage; null: none. The run stops cleanly at the first cap that it reaches, and can be resumed
    with a higher one.

    Calls and tokens (read and written) are those of all model calls, including evaluations, but not trainings.
    """

    calls: Annotated[Count | None, Unit("calls")] = None
    """At most this many model calls."""
    tokens: Annotated[Count | None, Unit("tokens")] = None
    """At most this many tokens, read and written."""
    hours: Annotated[Annotated[float, Field(ge=0)] | None, Unit("hours")] = None
    """Wall-clock time while the run is active; pauses do not count."""
    money: Annotated[Annotated[float, Field(ge=0)] | None, Unit("currency units")] = None
    """At most this cost, by `price`."""
    trainings: Annotated[Count | None, Unit("trainings")] = None
    """At most this many trainings; 0: the run stops after its first selection."""
    price: PriceSettings = PriceSettings()
    """Prices of tokens and hours, in any one currency."""
