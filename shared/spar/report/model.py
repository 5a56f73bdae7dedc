"""The facts of a run, as report.json holds them. Every field is a count, a measurement or a text of the run.

What a run has not reached, or never measured, is None or empty: no value stands for "unknown". Rates are
shares of 1 with a 95% interval beside them; changes are percentage points. Knows nothing of tables, objects
or pages.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spar.messages.endings import RunEnd
from spar.method.guards import Guard
from spar.method.records import Generated, JudgedPrompt, Outcome, Prompt, Tree
from spar.recipes.guards import Mark
from spar.report.words import WordSpan

Interval = tuple[float, float]
Role = Literal["actor", "refiner"]


class Facts(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ActorMeasures(Facts):
    """Held-out prompts that the actor's response follows: greedy, and sampled at T=0.9. `prompts` of each."""

    accuracy: float | None = None
    accuracy_interval: Interval | None = None
    accuracy_sampled: float | None = None
    accuracy_sampled_interval: Interval | None = None
    prompts: int = 0
    failures: int = 0
    """Replies, greedy and sampled, that could not be read: they count as wrong."""


class RefinerMeasures(Facts):
    """Greedy votes that are right, and greedy refinements that follow their prompt."""

    judge_accuracy: float | None = None
    judge_accuracy_interval: Interval | None = None
    judge_items: int = 0
    judge_failures: int = 0
    refine_accuracy: float | None = None
    refine_accuracy_interval: Interval | None = None
    refine_items: int = 0
    refine_failures: int = 0


class RefinerDataReport(Facts):
    """The sources of the refiner's examples, by kind, and the candidates that were left out, by reason."""

    candidates: dict[str, int] = Field(default_factory=dict)
    kept: dict[str, int] = Field(default_factory=dict)
    dropped: dict[str, int] = Field(default_factory=dict)


class TrainingFacts(Facts):
    """One training: `loss` is the mean over its optimizer steps."""

    samples: int
    too_long: int
    steps: int
    tokens: int
    loss: float | None = None
    seconds: float = 0.0


class BenchmarkMeasures(Facts):
    """A public benchmark's scores, in percent (levels are levels), their intervals, and whatever would change them.

    `result` is the key of the object that holds every item with its response.
    """

    counts: dict[str, int]
    scores: dict[str, float]
    intervals: dict[str, Interval]
    tables: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    settings: dict[str, str | int] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)
    result: str = ""


class RateFacts(Facts):
    """`count` of `of` texts, as a share of 1 with its interval."""

    value: float
    interval: Interval
    count: int
    of: int


class JudgeFacts(Facts):
    """A judge over audited texts: the share that it accepts, that the rules find good, and how far apart they are.

    False accepts are of the bad texts, false rejects of the good ones. `unlabelled` texts have no verdict of the judge.
    """

    prompts: int
    unlabelled: int
    accepted: RateFacts | None = None
    followed: RateFacts | None = None
    gap: float | None = None
    gap_interval: Interval | None = None
    false_accept: RateFacts | None = None
    false_reject: RateFacts | None = None


class TypeFacts(Facts):
    """A constraint type: accepted of the texts that break one, rejected of the good texts whose prompt has one."""

    kind: str
    false_accept: RateFacts | None = None
    false_reject: RateFacts | None = None


class JudgeAuditFacts(Facts):
    """An iteration's audit, by source: response, refinement. `result` is the key of the object with every text."""

    refiner: dict[str, JudgeFacts]
    outside: dict[str, JudgeFacts] = Field(default_factory=dict)
    types: list[TypeFacts] = Field(default_factory=list)
    alarms: list[str] = Field(default_factory=list)
    result: str = ""


class GuardFacts(Facts):
    """A guard's figure over an iteration's rows, the most that passes, and both as people read them."""

    guard: Guard
    value: float
    rows: int
    most: float
    mark: Mark
    shown: str
    bound: str


class IterationReport(Facts):
    """Iteration 0 is the start: the models as they came, measured, and nothing else. A run that makes its starting
    models first begins with -2, the backbones; -1 makes the actor, 0 the refiner, and is the start too.

    `seconds`, `tokens`, `calls` and `reused` map a step to the sums over its shards, seconds by the clock while at
    least one was running; a step whose result existed already counts in `reused` and cost nothing. `tokens` and `calls`
    are of models, as a budget counts them; tokens read in training are in `training`.
    `tree_sizes` maps nodes (as text) to trees. `pairs` counts the actor's training data: pairs, or with SFT examples.
    """

    iteration: int
    actor: ActorMeasures = ActorMeasures()
    refiner: RefinerMeasures = RefinerMeasures()
    benchmarks: dict[str, BenchmarkMeasures] = Field(default_factory=dict)
    prompts: int = 0
    outcomes: dict[str, int] = Field(default_factory=lambda: {outcome.value: 0 for outcome in Outcome})
    pairs: int = 0
    pair_precision: float | None = None
    pair_precision_interval: Interval | None = None
    trees: int = 0
    solved: int = 0
    tree_sizes: dict[str, int] = Field(default_factory=dict)
    refiner_data: RefinerDataReport = RefinerDataReport()
    judge_audit: JudgeAuditFacts | None = None
    guards: list[GuardFacts] = Field(default_factory=list)
    training: dict[Role, TrainingFacts] = Field(default_factory=dict)
    seconds: dict[str, float] = Field(default_factory=dict)
    tokens: dict[str, int] = Field(default_factory=dict)
    calls: dict[str, int] = Field(default_factory=dict)
    reused: dict[str, int] = Field(default_factory=dict)
    wall_seconds: float | None = None
    """By the clock, pauses included. Steps run side by side, so their sum can be more."""


class Change(Facts):
    """A paired difference over the same items, in percentage points, with its 95% interval."""

    measure: str  # such as actor.accuracy
    before: int
    after: int
    points: float
    low: float
    high: float
    items: int


class ExampleNode(Facts):
    """A text in an example tree. `words` is the difference from its parent; the root has none.

    `unreadable` are votes without a verdict.
    """

    path: tuple[int, ...]
    text: str
    value: float | None
    yes: int
    no: int
    unreadable: int = 0
    critique: str | None = None
    words: tuple[WordSpan, ...] = ()


class ExamplePruned(Facts):
    """A place of an example tree without a node: the reason, the number of replies, and the last of them."""

    path: tuple[int, ...]
    reason: str
    replies: int
    text: str


class ExampleTree(Facts):
    """An example search. `words` is the difference between the negative and the best refinement."""

    iteration: int
    prompt_id: str
    prompt: str
    solved: bool
    best: tuple[int, ...] | None
    nodes: tuple[ExampleNode, ...]
    pruned: tuple[ExamplePruned, ...] = ()
    words: tuple[WordSpan, ...] = ()


class PromptReplies(Facts):
    """All replies of models to a prompt, long texts cut; None for stages that it has not reached."""

    position: int
    outcome: str | None
    prompt: Prompt
    generated: Generated | None = None
    judged: JudgedPrompt | None = None
    tree: Tree | None = None


class ReplySample(Facts):
    """Some of an iteration's `prompts`, with their replies; those of `lost` others are no longer in the store."""

    iteration: int
    prompts: int
    shown: list[PromptReplies]
    lost: int = 0


class ModelFacts(Facts):
    """A model of the run: where it came from, and in which iteration it was trained (0: given)."""

    fingerprint: str
    role: Role
    iteration: int
    parent: str | None = None
    location: str = ""


class Totals(Facts):
    """Over the whole run; `pairs` are those of self-play. `seconds` is the sum over steps, `wall_seconds` by the clock,
    pauses included."""

    prompts: int = 0
    pairs: int = 0
    trees: int = 0
    calls: int = 0
    tokens: int = 0
    reused: int = 0
    seconds: float = 0.0
    wall_seconds: float | None = None


class RunReport(Facts):
    """A run's report, whole: report.json, and all that the page shows."""

    run: str
    recipe_name: str
    seed: int
    status: str
    reason: str | None = None
    planned_iterations: int
    iterations: list[IterationReport]
    changes: list[Change] = Field(default_factory=list)
    benchmark_changes: list[Change] = Field(default_factory=list)
    """`measure` is the benchmark; the points are of correct items."""
    examples: list[ExampleTree] = Field(default_factory=list)
    replies: list[ReplySample] = Field(default_factory=list)
    """A sample of each iteration; all of them: `spar explain`."""
    end: RunEnd | None = None
    """Why the run ended early, if it did and the reason is known."""
    next_step: str | None = None
    """What to do about a run that has not finished."""
    models: list[ModelFacts] = Field(default_factory=list)
    totals: Totals = Totals()
    versions: dict[str, str] = Field(default_factory=dict)
    recipe: dict[str, Any]

    @property
    def initialised(self) -> bool:
        """Whether the run makes its starting models itself."""
        return bool(self.iterations) and self.iterations[0].iteration < 0

    def change(self, measure: str, before: int, after: int) -> Change | None:
        """The paired difference of one measure between two iterations, if both were measured."""
        wanted = (measure, before, after)
        every = (*self.changes, *self.benchmark_changes)
        return next((c for c in every if (c.measure, c.before, c.after) == wanted), None)
