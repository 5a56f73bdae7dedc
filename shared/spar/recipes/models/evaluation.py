"""What is measured: the suite, benchmarks, and an audit of the refiner."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticKnownError

from spar.recipes.models.base import Count, Positive, Section, Share
from spar.recipes.urls import ServerUrl

Strategy = Literal["actor", "greedy", "best_of_responses", "best_of_n", "iterative", "bfs", "dfs"]
"""actor: its responses as they are. Else the refiner judges each, and a bad one is searched for a better one
(`spar.inference.strategies`)."""


def _named(value: Any) -> tuple[Any, ...]:
    """One name, or a list of different ones."""
    named = value if isinstance(value, list | tuple) else (value,)
    known = get_args(Strategy)
    if not named or any(name not in known for name in named):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(known)})
    if len(set(named)) < len(named):
        raise ValueError("it names a strategy twice")
    return tuple(named)


def _written(named: tuple[str, ...]) -> Any:
    """One alone is written as its name, as before there could be several: stored recipes are still the same."""
    return named[0] if len(named) == 1 else list(named)


Strategies = Annotated[
    tuple[Strategy, ...], Field(strict=False), BeforeValidator(_named), PlainSerializer(_written, return_type=Any)
]


class EvaluationSettings(Section):
    """What is measured at the start and after each iteration."""

    suite: Literal["story", "none"] = "story"
    """story: the story world's items. none: the benchmarks alone."""
    seed: Count = 0
    """Seeds sampled measurements. The items are always the same, so that runs can be compared item by item."""
    actor_prompts: Positive = 2000
    judge_items: Positive = 2000
    refine_items: Positive = 1000


class AskedSettings(Section):
    """How a benchmark asks the models that it measures. Which of these one uses: `spar.recipes.benchmarks`."""

    limit: Positive | None = None
    """Only the first items: prompts, pairs of each subset, examples of each group, or negatives."""
    max_tokens: Positive = 2048
    """Longest response or refinement; responses and single votes are greedy."""
    judge_tokens: Positive = 2048
    """Longest vote."""
    votes: Positive = 1
    """Votes per verdict: one is greedy; more are sampled, and their majority counts."""


class AskSettings(AskedSettings):
    """Of one measurement."""

    strategy: Strategy = "actor"
    budget: Positive = 15
    """Refinements, or further responses, that the strategy may take."""


class JudgeSettings(Section):
    """An outside judge: a model of an OpenAI-compatible server, whose key comes from the environment."""

    url: ServerUrl
    model: str


class BenchmarkSettings(AskedSettings):
    """Of a benchmark in a recipe: a measurement for each strategy."""

    strategy: Strategies = ("actor",)
    """One name, or a list of several."""
    budget: Positive = 15
    """Refinements, or further responses, that each strategy may take."""
    data: str
    """The benchmark's file or folder, as `spar eval --data` takes it; refinement also takes `world:story`."""
    judge: JudgeSettings | None = None


class BenchmarkPlan(Section):
    """Benchmarks that measure each iteration's models: the actor's responses, or the refiner's judgments and work."""

    ifeval: BenchmarkSettings | None = None
    followbench: BenchmarkSettings | None = None
    llmbar: BenchmarkSettings | None = None
    refinement: BenchmarkSettings | None = None


class HonestySettings(Section):
    """Rules audit what the refiner judged, in a slice of each iteration. No training sees what they find."""

    prompts: Positive = 200
    """Prompts of an iteration that are audited at most, with all of their judged responses."""
    rules: str | None = None
    """`world:story`, or a JSONL file of prompts with their instruction_id_list and kwargs; None: the prompts' own."""
    alarm: Share = 0.1
    """How far the success that the refiner sees may lie from what the rules see, before that is an alarm."""
    stop: bool = False
    """Stop the run at an alarm; an iteration's trainings then wait for its audit."""
    judge: JudgeSettings | None = None
    """An outside judge of the same slice, shown beside the refiner."""
    judge_tokens: Positive = 2048
    """Longest vote of the outside judge."""


class EvaluationPlan(EvaluationSettings):
    """A recipe's evaluation: the suite, and benchmarks beside it. Without any it is written as the suite alone."""

    benchmarks: BenchmarkPlan | None = Field(default=None, exclude_if=lambda plan: plan is None)
