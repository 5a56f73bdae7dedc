"""What is measured: the suite, benchmarks, and an audit of the refiner."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, create_model
from pydantic_core import PydanticKnownError

from spar.benchmark_records import Benchmark
from spar.benchmark_registry import BENCHMARKS
from spar.method.defaults import FULL_TREE, REPLY_TOKENS
from spar.method.policies import StrategyName
from spar.recipes.models.base import Count, Positive, Section, Share, Unit, omitted_when_default
from spar.recipes.models.requests import RequestBody, RequestHeaders
from spar.recipes.urls import ServerUrl


def _named(value: Any) -> tuple[Any, ...]:
    """One name, or a list of different ones."""
    named = value if isinstance(value, list | tuple) else (value,)
    known = get_args(StrategyName)
    if not named or any(name not in known for name in named):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(known)})
    if len(set(named)) < len(named):
        raise ValueError("it names a strategy twice")
    return tuple(named)


def _written(named: tuple[str, ...]) -> Any:
    """One alone is written as its name, as before there could be several: stored recipes are still the same."""
    return named[0] if len(named) == 1 else list(named)


Strategies = Annotated[
    tuple[StrategyName, ...],
    Field(strict=False),
    BeforeValidator(_named, json_schema_input_type=StrategyName | tuple[StrategyName, ...]),
    PlainSerializer(_written, return_type=Any),
]


class EvaluationSettings(Section):
    """What is measured at the start and after each iteration."""

    identity: ClassVar[str] = "EvaluationSettings"
    suite: Literal["story", "none"] = "story"
    """story: the story world's items. none: the benchmarks alone."""
    seed: Annotated[Count, Unit("none")] = 0
    """Seeds sampled measurements. The items are always the same, so that runs can be compared item by item."""
    actor_prompts: Annotated[Positive, Unit("prompts")] = 2000
    """Held-out prompts that the actor responds to."""
    judge_items: Annotated[Positive, Unit("items")] = 2000
    """Responses that the refiner judges, whose label is known."""
    refine_items: Annotated[Positive, Unit("items")] = 1000
    """Bad responses that the refiner refines."""


class AskedSettings(Section):
    """How a benchmark asks the models that it measures. Which of these one uses: `spar.recipes.benchmarks`."""

    limit: Annotated[Positive | None, Unit("items")] = None
    """Only the first items: prompts, pairs of each subset, examples of each group, or negatives."""
    max_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Longest response or refinement; responses and single votes are greedy."""
    judge_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Longest vote."""
    votes: Annotated[Positive, Unit("votes")] = 1
    """Votes per verdict: one is greedy; more are sampled, and their majority counts."""


class AskSettings(AskedSettings):
    """Of one measurement."""

    identity: ClassVar[str] = "AskSettings"
    strategy: StrategyName = "actor"
    """actor: the response as it is. Others: what the strategy makes of it with the refiner."""
    budget: Annotated[Positive, Unit("samples")] = FULL_TREE
    """Refinements, or further responses, that the strategy may take."""


class JudgeSettings(Section):
    """An outside judge: a model of an OpenAI-compatible server, whose key comes from the environment."""

    url: ServerUrl
    """Its OpenAI-compatible base URL, such as https://api.openai.com/v1."""
    model: str
    """The name that its server knows it by."""
    body: RequestBody = omitted_when_default({})
    """More fields of every request, such as chat_template_kwargs, as in `engine.body`."""
    headers: RequestHeaders = omitted_when_default({})
    """More headers of every request; credentials as ${VARIABLE}, as in `engine.headers`."""

    def identity(self) -> str | dict[str, Any]:
        """What determines its replies: not where it is, nor the headers of a request."""
        return {"model": self.model, "body": self.body} if self.body else self.model

    def __hash__(self) -> int:
        """A mapping among the settings has no hash of its own."""
        return hash(self.model_dump_json())


class BenchmarkSettings(AskedSettings):
    """Of a benchmark in a recipe: a measurement for each strategy."""

    strategy: Strategies = ("actor",)
    """One name, or a list of several."""
    budget: Annotated[Positive, Unit("samples")] = FULL_TREE
    """Refinements, or further responses, that each strategy may take."""
    data: str
    """The benchmark's file or folder, as `spar eval --data` takes it; refinement also takes `world:story`."""
    judge: JudgeSettings | None = None
    """Who judges where rules do not; null: the benchmark's parts without a judge alone."""


class GeneralSettings(Section):
    """General benchmarks, which lm-evaluation-harness asks and scores: each task is a step of its own."""

    tasks: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Of gsm8k, triviaqa, mmlu and humaneval; or of lm-eval task files of your own, which `data` names."""
    data: str | None = None
    """The published file or folder of a task, or a folder with one of each task's name; null: lm-eval's own, from the
    hub."""
    limit: Annotated[Positive | None, Unit("items")] = None
    """Only the first items of each task; of mmlu, of each subject."""
    max_tokens: Annotated[Positive | None, Unit("tokens")] = None
    """Longest response; null: as lm-eval's task says."""
    run_code: bool = False
    """Whether humaneval may run the programs that models write, confined, and task files of your own their code."""


def _field(record: Benchmark) -> Any:
    """Null by default; not written then, unless recipes that are stored already say so."""
    left_out = None if record.written_when_absent else lambda value: value is None
    return Field(default=None, description=record.about, exclude_if=left_out)


if TYPE_CHECKING:
    _Benchmarks = Section
else:
    _Benchmarks = create_model(
        "_Benchmarks",
        __base__=Section,
        **{
            record.name: (BenchmarkSettings | None, _field(record))
            for record in BENCHMARKS.values()
            if record.in_recipes
        },
    )


class BenchmarkPlan(_Benchmarks):
    """Benchmarks that measure each iteration's models: the actor's responses, or the refiner's judgments and work."""

    general: GeneralSettings | None = omitted_when_default(None)
    """GSM8K, TriviaQA, MMLU and HumanEval: does the actor keep what it could do."""


class JudgeAuditSettings(Section):
    """Rules audit what the refiner judged, in a slice of each iteration. No training sees what they find."""

    prompts: Annotated[Positive, Unit("prompts")] = 200
    """Prompts of an iteration that are audited at most, with all of their judged responses."""
    rules: str | None = None
    """`world:story`, or a JSONL file of prompts with their instruction_id_list and kwargs; null: the prompts' own."""
    alarm: Share = 0.1
    """How far the success that the refiner sees may lie from what the rules see, before that is an alarm."""
    stop: bool = False
    """Stop the run at an alarm; an iteration's trainings then wait for its audit."""
    judge: JudgeSettings | None = None
    """An outside judge of the same slice, shown beside the refiner."""
    judge_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Longest vote of the outside judge."""


class EvaluationPlan(EvaluationSettings):
    """A recipe's evaluation: the suite, and benchmarks beside it. Without any it is written as the suite alone."""

    benchmarks: BenchmarkPlan | None = Field(default=None, exclude_if=lambda plan: plan is None)
    """Benchmarks beside the suite; null: none."""
