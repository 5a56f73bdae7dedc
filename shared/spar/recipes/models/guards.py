"""Checks of an iteration's rows before a model is trained on them."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Section, Share, Unit

Action = Literal["off", "warn", "stop"]
Ratio = Annotated[float, Field(ge=1), Unit("none")]


class GuardSettings(Section):
    """Checks of an iteration's rows before a model is trained on them; changes no result.

    Each guard is off, warns (an event, `spar status`, the report), or stops the run before it trains. Its bound is the
    largest value that passes.
    """

    same: Action = "stop"
    """Pairs whose chosen and rejected are the same text."""
    same_most: Share = 0.0
    """The allowed share of pairs."""
    empty: Action = "stop"
    """Rows with an empty prompt, response or turn."""
    empty_most: Share = 0.0
    """The allowed share of rows."""
    repeated_prompts: Action = "warn"
    """Rows of the actor with the prompt of an earlier row."""
    repeated_prompts_most: Share = 0.0
    """The allowed share of the actor's rows."""
    repeated_rows: Action = "warn"
    """Rows equal to an earlier row, including the refiner's."""
    repeated_rows_most: Share = 0.05
    """The allowed share of rows."""
    contaminated: Action = "warn"
    """Rows of the actor with a prompt of the recipe's evaluation."""
    contaminated_most: Share = 0.0
    """The allowed share of the actor's rows."""
    ids: Action = "stop"
    """Rows that would be trained on as different token ids than are served, or with more than one BOS token."""
    ids_most: Share = 0.0
    """The allowed share of the compared rows."""
    length_gap: Action = "warn"
    """Chosen responses that are on average much longer, or much shorter, than rejected ones."""
    length_gap_most: Ratio = 2.0
    """The longer mean over the shorter one, in words."""
    distance: Action = "warn"
    """Refinements that have little in common with the response they refine, so that pairs differ in irrelevant
    content."""
    distance_most: Share = 0.7
    """The mean share of words that differ between a refinement and its negative."""
    labels: Action = "warn"
    """A refiner that gives nearly all responses the same label."""
    labels_most: Share = 0.95
    """The share of judgments that may have the same label."""
    margins: Action = "warn"
    """A refiner whose votes are nearly tied."""
    margins_most: Share = 0.5
    """The allowed share of judgments decided by a single vote, among those with several votes."""
