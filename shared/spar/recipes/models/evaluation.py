"""Evaluation: the suite, benchmarks, and an audit of the refiner."""

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
    """One name, or a list of distinct ones."""
    named = value if isinstance(value, list | tuple) else (value,)
    known = get_args(StrategyName)
    if not named or any(name not in known for name in named):
        raise PydanticKnownError("literal_error", {"expected": ", ".join(known)})
    if len(set(named)) < len(named):
        raise ValueError("it names a strategy twice")
    return tuple(named)


def _written(named: tuple[str, ...]) -> Any:
    """A single one is written as its name, as before lists were allowed, so that stored recipes stay the same."""
    return named[0] if len(named) == 1 else list(named)


Strategies = Annotated[
    tuple[StrategyName, ...],
    Field(strict=False),
    BeforeValidator(_named, json_schema_input_type=StrategyName | tuple[StrategyName, ...]),
    PlainSerializer(_written, return_type=Any),
]


class EvaluationSettings(Section):
    """Measurements at the start and after each iteration."""

    identity: ClassVar[str] = "EvaluationSettings"
    suite: Literal["story", "none"] = "story"
    """story: the story world's items. none: only the benchmarks."""
    seed: Annotated[Count, Unit("none")] = 0
    """Seed of sampled measurements. The items are always the same, so that runs can be compared item by item."""
    actor_prompts: Annotated[Positive, Unit("prompts")] = 2000
    """Held-out prompts that the actor responds to."""
    judge_items: Annotated[Positive, Unit("items")] = 2000
    """Responses with known labels that the refiner judges."""
    refine_items: Annotated[Positive, Unit("items")] = 1000
    """Bad responses that the refiner refines."""


class RequestSettings(Section):
    """How a benchmark calls the models that it measures. For the keys that each uses see `spar.recipes.benchmarks`."""

    limit: Annotated[Positive | None, Unit("items")] = None
    """Only the first items: prompts, pairs of each subset, examples of each group, or negatives."""
    max_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Token limit of a response or refinement; responses and single votes are greedy."""
    judge_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Token limit of a vote."""
    votes: Annotated[Positive, Unit("votes")] = 1
    """Votes per verdict: a single one is greedy; several are sampled, and the majority counts."""


class AskSettings(RequestSettings):
    """Settings of one measurement."""

    identity: ClassVar[str] = "AskSettings"
    strategy: StrategyName = "actor"
    """actor: the response itself. Others: the result of the strategy with the refiner."""
    budget: Annotated[Positive, Unit("samples")] = FULL_TREE
    """At most this many refinements, or further responses, for the strategy."""


class JudgeSettings(Section):
    """An outside judge: a model of an OpenAI-compatible server, whose key comes from the environment."""

    url: ServerUrl
    """Its OpenAI-compatible base URL, such as https://api.openai.com/v1."""
    model: str
    """The model's name at its server."""
    body: RequestBody = omitted_when_default({})
    """Extra fields of every request, such as chat_template_kwargs, as in `engine.body`."""
    headers: RequestHeaders = omitted_when_default({})
    """Extra headers of every request, with credentials as ${VARIABLE}, as in `engine.headers`."""

    def identity(self) -> str | dict[str, Any]:
        """What determines its replies: not its address, nor the headers of requests."""
        return {"model": self.model, "body": self.body} if self.body else self.model

    def __hash__(self) -> int:
        """Needed since a mapping among the settings is not hashable."""
        return hash(self.model_dump_json())


class BenchmarkSettings(RequestSettings):
    """Settings of a benchmark in a recipe, with a measurement for each strategy."""

    strategy: Strategies = ("actor",)
    """One name, or a list of several."""
    budget: Annotated[Positive, Unit("samples")] = FULL_TREE
    """At most this many refinements, or further responses, for each strategy."""
    data: str
    """The benchmark's file or folder, as `spar eval --data` takes it; refinement also takes `world:story`."""
    judge: JudgeSettings | None = None
    """The judge where no rules apply; null: only the parts of the benchmark that need no judge."""


class GeneralSettings(Section):
    """General benchmarks, run and scored by lm-evaluation-harness: each task is a separate step."""

    tasks: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    """Among gsm8k, triviaqa, mmlu and humaneval; or among your own lm-eval task files, in the folder `data`."""
    data: str | None = None
    """The published file or folder of a task, or a folder with one named after each task; null: lm-eval's own, from
    the hub."""
    limit: Annotated[Positive | None, Unit("items")] = None
    """Only the first items of each task; for mmlu, of each subject."""
    max_tokens: Annotated[Positive | None, Unit("tokens")] = None
    """Token limit of a response; null: the limit of lm-eval's task."""
    run_code: bool = False
    """Whether humaneval may execute model-written programs, sandboxed, and your own task files their code."""


def _field(record: Benchmark) -> Any:
    """Null by default, and then not written, unless stored recipes already have it."""
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
    """Benchmarks of each iteration's models: the actor's responses, or the refiner's judgments and refinements."""

    general: GeneralSettings | None = omitted_when_default(None)
    """GSM8K, TriviaQA, MMLU and HumanEval: does the actor retain its general abilities."""


class JudgeAuditSettings(Section):
    """An audit of the refiner's judgments by rules, in a slice of each iteration. It affects no training."""

    prompts: Annotated[Positive, Unit("prompts")] = 200
    """At most this many audited prompts per iteration, with all of their judged responses."""
    rules: str | None = None
    """`world:story`, or a JSONL file of prompts with their instruction_id_list and kwargs; null: the prompts' own."""
    alarm: Share = 0.1
    """The difference between the success rates by the refiner and by the rules above which an alarm is raised."""
    stop: bool = False
    """Stop the run at an alarm; an iteration's trainings then wait for its audit."""
    judge: JudgeSettings | None = None
    """An outside judge of the same slice, shown beside the refiner."""
    judge_tokens: Annotated[Positive, Unit("tokens")] = REPLY_TOKENS
    """Token limit of the outside judge's votes."""


class EvaluationPlan(EvaluationSettings):
    """A recipe's evaluation: the suite, and benchmarks."""

    benchmarks: BenchmarkPlan | None = Field(default=None, exclude_if=lambda plan: plan is None)
    """Benchmarks in addition to the suite; null: none."""
