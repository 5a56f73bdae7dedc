"""Commands to the evaluation service."""

from typing import ClassVar, Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import AskSettings, EngineSettings, EvaluationSettings, omitted_when_default

REVISION: Final = 2
BENCHMARK_REVISION: Final = 2
JUDGE_AUDIT_REVISION: Final = 2
GENERAL_REVISION: Final = 1
TASK = "evaluation.evaluate"
JUDGE_AUDIT: Final = "honesty"
"""The part of the step that audits the refiner's judging."""

Part = Literal["actor", "refiner", "pairs"]
AuditedRows = Literal["pairs", "examples"]


class EvaluationSpec(Spec):
    """Measure a model (actor, refiner) or an iteration's pairs against rules. Result: rows per item.

    `rows` says what the object of an actor's training data holds: Pairs, or Examples of a prompt and its response.
    """

    identity: ClassVar[str] = "EvaluationSpec"
    revision: Literal[2] = REVISION
    part: Part
    model: ModelRef | None
    engine: EngineIdentity
    templates: ObjectRef
    evaluation: EvaluationSettings
    seed: int
    pairs: ObjectRef | None
    rows: AuditedRows = omitted_when_default("pairs")


class BenchmarkSpec(Spec):
    """Prompt a model with a benchmark's items and score its replies. Result: one row, the report with every item.

    `model` is the one measured, `refiner` searches refinements of its responses; `data` is a key of the benchmark's
    files, None for the story world's. `rater` is the last iteration's refiner, which rates the measured one's texts.
    `policy`, `options` and `form` are how a judge scores that does not reply Yes or No.
    """

    identity: ClassVar[str] = "BenchmarkSpec"
    revision: int = BENCHMARK_REVISION
    """The benchmark's own (`spar.benchmark_records`)."""
    benchmark: str
    model: ModelRef
    refiner: ModelRef | None
    judge: ModelRef | None
    engine: EngineIdentity
    templates: ObjectRef
    asking: AskSettings
    seed: int
    data: ObjectRef | None
    rater: ModelRef | None = omitted_when_default(None)
    policy: str = omitted_when_default("verdict")
    options: dict[str, float] = omitted_when_default({})
    form: ObjectRef | None = omitted_when_default(None)


class JudgeAuditSpec(Spec):
    """Have rules audit what the refiner judged. `inputs` holds rows of ShardResults. Result: rows of Audited.

    `prompts` is the size of the slice, `rules` a key of RuledPrompts (None: the story world's own). The templates and
    the tokens of a vote are an outside judge's.
    """

    identity: ClassVar[str] = "HonestySpec"
    revision: Literal[2] = JUDGE_AUDIT_REVISION
    inputs: ObjectRef
    rules: ObjectRef | None
    prompts: int
    seed: int
    iteration: int
    judge: ModelRef | None
    templates: ObjectRef | None
    judge_tokens: int | None


class GeneralSpec(Spec):
    """Have lm-eval measure the actor by one task. Result: one row, the report with every item.

    `data` is a key of the task's datasets, or of task files of one's own; None: lm-eval gets its own.
    """

    identity: ClassVar[str] = "GeneralSpec"
    revision: Literal[1] = GENERAL_REVISION
    task: str
    model: ModelRef
    engine: EngineIdentity
    limit: int | None
    max_tokens: int | None
    seed: int
    data: ObjectRef | None


class Evaluate(StepMessage):
    """`judge` is the engine of the spec's judge: where it is, which determines nothing."""

    spec: EvaluationSpec | BenchmarkSpec | JudgeAuditSpec | GeneralSpec
    judge: EngineSettings | None = None
