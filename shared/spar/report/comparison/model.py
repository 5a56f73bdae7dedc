"""A comparison, as `spar compare --json` prints it. Rates are shares of 1; gains and differences percentage points.

Every interval is a 95% bootstrap interval over items and, where there are several, seeds.
"""

from pydantic import BaseModel, ConfigDict, Field


class ComparisonFacts(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MeasuredGain(ComparisonFacts):
    value: float
    low: float
    high: float


class MeasureFacts(ComparisonFacts):
    """One measure of one group: means over its seeds. `difference` is to the first group, at the end."""

    measure: str
    label: str
    items: int
    start: float
    end: MeasuredGain
    gain: MeasuredGain
    difference: MeasuredGain | None = None
    paired_by_seed: bool = True
    """False: the two groups have no seed in common; then only items are paired."""
    by_iteration: dict[int, MeasuredGain] = Field(default_factory=dict)


class StepWork(ComparisonFacts):
    """Calls of one kind of step: made by the runs themselves, and taken over with a result that was there."""

    own: int
    reused: int


class WorkFacts(ComparisonFacts):
    """Sums over a group's runs. `seconds` are by the clock, of work done, while a step of a kind was at it.

    `shared_steps` and `shared_calls` are those that the first group has too (the same fingerprints), whichever did them
    first; `own_calls_ratio` is own calls over the first group's, of the seeds that both have; `first_iteration_ratio`
    is the same in the loop's first iteration, where the models are still the same.
    """

    calls: dict[str, StepWork] = Field(default_factory=dict)
    own_calls: int
    reused_calls: int
    own_tokens: int
    reused_tokens: int
    seconds: float
    steps: int
    reused_steps: int
    shared_steps: int | None = None
    shared_calls: int | None = None
    own_calls_ratio: float | None = None
    first_iteration_ratio: float | None = None


class CostFacts(ComparisonFacts):
    """Per point gained in the main measure; None without a significant gain.

    Calls and tokens are of all work that the runs depend on, also other runs' work; seconds only of their own.
    """

    calls: MeasuredGain | None = None
    tokens: MeasuredGain | None = None
    seconds: MeasuredGain | None = None


class RunName(ComparisonFacts):
    run: str
    home: str
    seed: int
    status: str
    iterations: int


class RunGroup(ComparisonFacts):
    label: str
    recipe: str
    runs: list[RunName]
    measures: list[MeasureFacts]
    prompts: int
    pairs: int
    pair_precision: float | None
    outcomes: dict[str, int] = Field(default_factory=dict)
    work: WorkFacts
    cost: CostFacts

    def measure(self, name: str) -> MeasureFacts | None:
        return next((each for each in self.measures if each.measure == name), None)


class Comparison(ComparisonFacts):
    """The others are compared with `groups[0]`; costs are per point of `measure`, None if no measure is compared."""

    measure: str | None
    groups: list[RunGroup]
    notes: list[str] = Field(default_factory=list)

    @property
    def outcomes(self) -> list[str]:
        """The outcomes that any prompt had."""
        return list(dict.fromkeys(name for group in self.groups for name in group.outcomes))
