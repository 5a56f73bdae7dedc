"""What a run is, as data: the recipe that one YAML file says, section by section.

Every field has the paper's value as its default where the paper has one. Loading, overriding and the messages
for bad files are `spar.recipes.load`'s; nothing here reads a file.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(gt=0, le=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Temperature = Annotated[float, Field(ge=0, le=2)]


class Section(BaseModel):
    """A part of a recipe: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def later(default: Any) -> Any:
    """A field that came when results were stored already. While it has its default it is not written and is part of
    no identity, so that what was stored before it is still found."""
    return Field(default=default, exclude_if=lambda value: value == default)


class ModelSettings(Section):
    """Where the two models start: `builtin:story/actor`, a directory, `hub:ID@REVISION`, or `served:NAME`
    (a name that a remote endpoint knows: it can be asked, not trained)."""

    actor: str
    refiner: str
    one: bool = later(False)
    """One model plays both roles: what the actor becomes is the next refiner too, and no refiner is trained."""
    backward: str | None = later(None)
    """Who writes instructions for unlabelled texts (generation.policy instruct); it is never trained."""


class PromptSettings(Section):
    """Where prompts come from, and how they are cut into iterations and shards."""

    source: str
    """`world:story`, or the path of a JSONL file of {"prompt": "..."} rows."""
    per_iteration: Positive = 10_000
    shard_size: Positive = 16


class VllmSettings(Section):
    """How the vllm engine runs its own server; only `max_model_len` and `extra_args` may change a reply."""

    device: Literal["gpu", "cpu"] = "gpu"
    """gpu: the server runs on GPUs that it claims. cpu: a CPU build of vLLM, which claims nothing."""
    tensor_parallel: Positive = 1
    """GPUs that one server spans."""
    gpu_memory_utilization: Probability = 0.9
    max_model_len: Positive | None = None
    """Tokens of prompt and reply together; None: what the model has."""
    extra_args: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Arguments of `vllm serve` that are not named here, such as ["--quantization", "fp8"]."""
    start_deadline_s: Annotated[float, Field(gt=0)] = 1800.0
    """Seconds from the server's start until it is ready; a large model loads and compiles for minutes."""
    patience_s: Annotated[float, Field(ge=0)] = 600.0
    """Seconds a model that is asked for goes on being served while calls for another wait."""
    idle_s: Annotated[float, Field(ge=0)] = 60.0
    """Seconds without calls after which the server stops and its GPUs are free for others."""


class EngineSettings(Section):
    """What serves the models. `kind` is an entry point of the group `spar.engines`."""

    kind: str = "transformers"
    url: str | None = None
    """An OpenAI-compatible base URL, such as http://localhost:8000/v1 (kind openai; vllm: a server of your own)."""
    dtype: Literal["float64", "float32", "bfloat16"] = "float32"
    """float64 makes sampled text independent of what else is in the batch: bit-for-bit repeats on a CPU."""
    max_batch: Positive = 256
    """Sequences decoded together (transformers, vllm), or requests in flight (openai)."""
    deadline_s: Annotated[float, Field(gt=0)] = 600.0
    """Seconds one call may take before it is a DeadlineExceeded."""
    send_seed: bool = True
    """Whether a remote engine is sent seeds."""
    latency: Share = 0.0
    """Simulated engine only: seconds a reply takes, for tests of what happens meanwhile."""
    vllm: VllmSettings = VllmSettings()


class SamplingSettings(Section):
    temperature: Temperature
    top_p: Probability = 1.0
    max_tokens: Positive = 2048


class GenerationSettings(SamplingSettings):
    n: Positive = 5
    """Responses per prompt (the paper's K)."""
    temperature: Temperature = 0.9
    top_p: Probability = 0.9
    policy: str = later("respond")
    """What is asked about a prompt: `spar.method.generating`, or an entry point of spar.generation_policies."""


class JudgmentSettings(SamplingSettings):
    votes: Positive = 5
    quorum: Positive = 3
    """Parsable votes that a judgment needs (profile paper: 1)."""
    retries: Count = 3
    """How often missing votes on a response are asked for again (profile paper: 0); on a node, search.retries."""
    temperature: Temperature = 0.7
    policy: str = later("verdict")
    """How a response is judged: `spar.method.judging`, or an entry point of spar.judgment_policies."""
    options: dict[str, float] = later({})
    """The policy's own settings, such as {good: 5}."""

    @model_validator(mode="after")
    def _quorum_is_reachable(self) -> "JudgmentSettings":
        if self.quorum > self.votes:
            raise ValueError(f"quorum {self.quorum} is more than votes {self.votes}: lower one, or raise the other")
        return self


class SearchSettings(SamplingSettings):
    """Tree search (METHOD section 2). Policies: see `spar.method.policies`."""

    policy: Literal["greedy", "best_of_n", "iterative", "bfs", "dfs"] = "bfs"
    branch: Positive = 3
    keep: Positive = 2
    depth: Positive = 3
    gate: Share = 0.5
    """A node whose V is above the gate solves the tree."""
    retries: Count = 3
    stop_when_decided: bool = True
    """Stop a level once no later sibling can change which node wins (profile paper: False)."""
    temperature: Temperature = 0.7
    max_tokens: Positive = 3072


class RefinerDataSettings(Section):
    """Caps and choices of the refiner's data; the defaults are the paper's."""

    refinements: Count = 4000
    tree_yes: Count = 1500
    tree_no: Count = 1000
    response_no: Count = 500
    response_yes: Count = 2500
    contested_only: bool = True
    """The paper's rule: leave unanimous votes out. False takes every labelled judgment."""
    balance: bool = False
    """Cut Yes and No judgments to equal numbers."""


class SelectionSettings(Section):
    pairs: str = "refined"
    """What a prompt gives to the actor's training: `spar.method.selecting`, or an entry point of
    spar.selection_policies. refined: the search's result over the negative. sampled: a good over a bad response."""
    max_pairs: Positive | None = None
    refiner: RefinerDataSettings = RefinerDataSettings()
    options: dict[str, float] = later({})
    """The policy's own settings, such as {rho: 0.3}."""


class ComparisonSettings(SamplingSettings):
    """Judgments of one response compared with each other, two at a time in both orders (Meta-Rewarding)."""

    judgments: Annotated[int, Field(ge=2)] = 11
    """At most so many judgments of a response are compared: n of them make n (n - 1) comparisons."""
    temperature: Temperature = 0.7
    max_words: Positive | None = None
    """A chosen judgment with more words makes no pair, so that judgments don't grow from iteration to iteration."""


class LoraSettings(Section):
    rank: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.0
    merge: bool = True
    """True: a whole model comes out. False: an adapter on its base, and the next iteration goes on from it."""


class LaunchSettings(Section):
    """How many processes train one model, one a GPU, and what each of them holds."""

    processes: Positive = 1
    config: str = "none"
    """none: each process holds the whole model. fsdp, zero3, zero3-offload: it is divided (deploy/accelerate/). Or the
    path of a configuration file of `accelerate launch`."""


class TrainingSettings(Section):
    """What both trainings share. `kind` is an entry point of the group `spar.trainers`."""

    kind: str = "trl"
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    warmup: Share = 0.1
    """Share of all steps over which the learning rate rises."""
    epochs: Positive = 1
    batch_size: Positive
    """Samples per optimizer step."""
    micro_batch_size: Positive | None = None
    """Samples per forward pass of one process; None is the whole batch, divided by the processes."""
    max_length: Positive
    """Tokens of a whole sample; longer ones are left out and counted."""
    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    gradient_checkpointing: bool = False
    lora: LoraSettings | None = None
    launch: LaunchSettings = LaunchSettings()
    checkpoint_steps: Positive = 100
    threads: Positive | None = None
    """Torch threads of the trainer; None leaves it to torch."""


class DpoSettings(TrainingSettings):
    method: Literal["dpo"] = "dpo"
    beta: Annotated[float, Field(gt=0)] = 0.1
    nll_weight: Annotated[float, Field(ge=0)] = 0.1
    learning_rate: Annotated[float, Field(gt=0)] = 2e-7
    batch_size: Positive = 32
    max_length: Positive = 2048


class SftSettings(TrainingSettings):
    """Supervised fine-tuning; over a model's own kept judgments and refinements it is RFT."""

    method: Literal["sft"] = "sft"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-6
    schedule: Literal["linear", "constant", "cosine"] = "constant"
    epochs: Positive = 5
    batch_size: Positive = 64
    max_length: Positive = 4096
    packing: bool = False


def _method(settings: Any) -> str:
    """Which training a section describes; what names no method is DPO, as it was when there was no other."""
    said = settings.get("method", "dpo") if isinstance(settings, dict) else getattr(settings, "method", "dpo")
    return str(said)


ActorSettings = Annotated[
    Annotated[DpoSettings, Tag("dpo")] | Annotated[SftSettings, Tag("sft")], Discriminator(_method)
]


class TrainingPlan(Section):
    actor: ActorSettings = DpoSettings()
    refiner: SftSettings = SftSettings()
    train_refiner: bool = later(True)
    """False: the refiner stays as it is."""
    from_start: bool = later(False)
    """Each iteration trains the actor that the run began with, instead of going on from the last one."""
    mix: str | None = later(None)
    """Conversations trained on beside an actor's SFT data: a JSONL file of {"messages": [...]} rows,
    `world:story-skills` or `world:story-seed`."""
    mix_rows: Positive = later(1000)
    """How many of them."""


INIT_DEFAULTS: dict[str, dict[str, Any]] = {
    "generation": {"n": 1, "temperature": 0.7, "top_p": 1.0},
    "responses": {},
    "judgment": {},
    "search": {"policy": "greedy", "temperature": 0.0},
    "selection": {
        "refinements": 10_000,
        "response_no": 10_000,
        "response_yes": 10_000,
        "tree_yes": 0,
        "tree_no": 0,
        "contested_only": False,
    },
    "actor": {"learning_rate": 2e-6},
    "refiner": {"learning_rate": 2e-6},
}
"""What the paper says of the starting models (METHOD section 2): the teacher at 0.7, refining greedily, SFT at 2e-6."""


class TeacherSettings(Section):
    """Who makes what the starting models learn from (the paper: GPT-4o-mini)."""

    model: str
    """As in `models`; usually `served:NAME`."""
    engine: EngineSettings | None = None
    """What serves it; None: the recipe's engine."""


class InitPrompts(Section):
    """The starting models' own prompts: none of them is in self-play."""

    source: str | None = None
    """As `prompts.source`; None: the same source, of which these are the first."""
    actor: Positive = 8000
    """Those that the teacher responds to, for the actor."""
    refiner: Positive = 8000
    """Others, which the new actor responds to; its responses are judged and refined for the refiner."""


class InitData(Section):
    """Given sets instead of a teacher's, as `spar sets import` writes them; all files of a role are trained on."""

    actor: Annotated[tuple[str, ...], Field(strict=False)] = ()
    refiner: Annotated[tuple[str, ...], Field(strict=False)] = ()


class InitSettings(Section):
    """How the starting models are made from `models`, the backbones (METHOD section 2): the actor by SFT on a teacher's
    responses, the refiner by SFT on its judgments and refinements of the new actor's responses."""

    teacher: TeacherSettings | None = None
    prompts: InitPrompts = InitPrompts()
    data: InitData = InitData()
    generation: GenerationSettings
    """The teacher's responses; one of each prompt is learned."""
    responses: GenerationSettings
    """The new actor's, which are judged."""
    judgment: JudgmentSettings
    search: SearchSettings
    """How the teacher refines a negative: once, greedily."""
    selection: RefinerDataSettings
    """Caps and balance of the refiner's sets."""
    actor: SftSettings
    refiner: SftSettings

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        """Key by key, since these sections have other defaults here than in self-play."""
        if not isinstance(data, dict):
            return data
        whole = {
            name: {**defaults, **given} if isinstance(given := data.get(name, {}), dict) else given
            for name, defaults in INIT_DEFAULTS.items()
        }
        return {**data, **whole}


class Stage(Section):
    """Other settings for some iterations; what a section here does not say is as in the recipe."""

    iterations: Annotated[tuple[Positive, ...], Field(strict=False, min_length=1)]
    generation: GenerationSettings | None = None
    judgment: JudgmentSettings | None = None
    search: SearchSettings | None = None
    selection: SelectionSettings | None = None
    training: TrainingPlan | None = None
    comparison: ComparisonSettings | None = None
    compares: bool = True
    """False: no judgments are compared in these iterations."""


class EvaluationSettings(Section):
    """What is measured at the start and after each iteration."""

    suite: Literal["story", "none"] = "story"
    """story: the story world's items. none: the benchmarks alone."""
    seed: Count = 0
    """Seeds sampled measurements. The items are always the same, so that runs can be compared item by item."""
    actor_prompts: Positive = 2000
    judge_items: Positive = 2000
    refine_items: Positive = 1000


class AskSettings(Section):
    """How a benchmark asks the models that it measures. Which of these one uses: `spar.recipes.benchmarks`."""

    limit: Positive | None = None
    """Only the first items: prompts, pairs of each subset, examples of each group, or negatives."""
    max_tokens: Positive = 2048
    """Longest response or refinement; responses and single votes are greedy."""
    judge_tokens: Positive = 2048
    """Longest vote."""
    votes: Positive = 1
    """Votes per verdict: one is greedy; more are sampled, and their majority counts."""
    strategy: Literal["actor", "greedy", "best_of_responses", "best_of_n", "iterative", "bfs", "dfs"] = "actor"
    """actor: its responses as they are. Else the refiner judges each, and a bad one is searched for a better one
    (`spar.inference.strategies`)."""
    budget: Positive = 15
    """Refinements, or further responses, that the strategy may take."""


class JudgeSettings(Section):
    """An outside judge: a model of an OpenAI-compatible server, whose key comes from the environment."""

    url: str
    model: str


class BenchmarkSettings(AskSettings):
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


class DispatchSettings(Section):
    """How work is handed out; changes no result."""

    window: Positive = 64
    """Shard steps in flight at once."""
    step_deadline_s: Annotated[float, Field(gt=0)] = 3600.0
    training_deadline_s: Annotated[float, Field(gt=0)] = 86_400.0
    attempts: Positive = 3
    """Dispatches of one step before it is a dead letter."""


class PriceSettings(Section):
    """What work costs, in any one currency; a price of 0 costs nothing."""

    prompt_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model reads."""
    completion_million: Annotated[float, Field(ge=0)] = 0.0
    """A million tokens that a model writes."""
    hour: Annotated[float, Field(ge=0)] = 0.0
    """An hour in which the run is on: of all the machines that it holds together."""

    @property
    def free(self) -> bool:
        return not (self.prompt_million or self.completion_million or self.hour)


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


class Recipe(Section):
    """A whole run. `resolved` recipes name no file by a relative path."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,39}$")]
    profile: Literal["fixed", "paper"] = "fixed"
    seed: Count = 0
    iterations: Positive = 3
    models: ModelSettings
    prompts: PromptSettings
    templates: str = "spar"
    """`spar`, `compact`, or a folder with judge.txt and refine.txt."""
    engine: EngineSettings = EngineSettings()
    generation: GenerationSettings = GenerationSettings()
    judgment: JudgmentSettings = JudgmentSettings()
    search: SearchSettings = SearchSettings()
    comparison: ComparisonSettings | None = later(None)
    """Compare judgments and train on the better ones; None: don't."""
    selection: SelectionSettings = SelectionSettings()
    training: TrainingPlan = TrainingPlan()
    init: InitSettings | None = later(None)
    """Make the starting models first; None: `models` are the starting models."""
    stages: Annotated[tuple[Stage, ...], Field(strict=False, exclude_if=lambda stages: not stages)] = ()
    evaluation: EvaluationPlan | None = None
    honesty: HonestySettings | None = later(None)
    """Audit the refiner's judging; None: don't."""
    dispatch: DispatchSettings = DispatchSettings()
    budget: BudgetSettings = BudgetSettings()

    @property
    def refiner_fate(self) -> Literal["trained", "kept", "shared"]:
        """What an iteration makes of its refiner: trains it, keeps it as it is, or shares the actor's next model."""
        if self.models.one:
            return "shared"
        return "trained" if self.training.train_refiner else "kept"
