"""What is looked for in an iteration's rows before anything is trained on them."""

from typing import Annotated, Literal

from pydantic import Field

from spar.recipes.models.base import Section, Share, Unit

Action = Literal["off", "warn", "stop"]
Ratio = Annotated[float, Field(ge=1), Unit("none")]


class GuardSettings(Section):
    """What is looked for in an iteration's rows before a model learns from them; changes no result.

    Each guard is off, warns (an event, `spar status`, the report), or stops the run before it trains. Its bound is the
    most that passes.
    """

    same: Action = "stop"
    """Pairs whose chosen and rejected are the same text."""
    same_most: Share = 0.0
    """The share of pairs that may be so."""
    empty: Action = "stop"
    """Rows with an empty prompt, response or turn."""
    empty_most: Share = 0.0
    """The share of rows that may be so."""
    repeated_prompts: Action = "warn"
    """Rows of the actor whose prompt an earlier one has."""
    repeated_prompts_most: Share = 0.0
    """The share of the actor's rows that may be so."""
    repeated_rows: Action = "warn"
    """Rows that an earlier one equals, the refiner's included."""
    repeated_rows_most: Share = 0.05
    """The share of rows that may be so."""
    contaminated: Action = "warn"
    """Rows of the actor whose prompt the recipe's evaluation uses too."""
    contaminated_most: Share = 0.0
    """The share of the actor's rows that may be so."""
    ids: Action = "stop"
    """Rows that would be trained on as other token ids than are served, or with more than one BOS token."""
    ids_most: Share = 0.0
    """The share of rows that may be so, of those that are compared."""
    length_gap: Action = "warn"
    """Chosen responses that are on average much longer, or much shorter, than rejected ones."""
    length_gap_most: Ratio = 2.0
    """The longer mean over the shorter one, in words."""
    distance: Action = "warn"
    """Refinements that have little in common with the response they refine: the pair then teaches more than the
    difference."""
    distance_most: Share = 0.7
    """The mean share of words that a refinement and its negative do not have in common."""
    labels: Action = "warn"
    """A refiner that judges nearly all responses alike."""
    labels_most: Share = 0.95
    """The share of judgments that may have the same label."""
    margins: Action = "warn"
    """A refiner whose votes are nearly tied."""
    margins_most: Share = 0.5
    """The share of judgments that a single vote may decide, of those with several votes."""
