"""Commands to the judgment service: judge responses, and compare judgments."""

from typing import ClassVar, Final, Literal

from spar.messages.base import EngineIdentity, ModelRef, ObjectRef, Spec, StepMessage
from spar.recipes.models import ComparisonSettings, JudgmentSettings, omitted_when_default

REVISION: Final = 4
COMPARISON_REVISION: Final = 2
TASK = "judgment.judge"
COMPARE_TASK = "judgment.compare"


class JudgmentSpec(Spec):
    """Have the refiner judge a shard's responses. Input: rows of Generated. Result: rows of JudgedPrompt.

    `form` is what the policy asks with, if that isn't the judge template. `checkers` holds rows of CheckedPrompt, for a
    policy that asks no model.
    """

    identity: ClassVar[str] = "JudgmentSpec"
    revision: Literal[4] = REVISION
    model: ModelRef
    engine: EngineIdentity
    templates: ObjectRef
    judgment: JudgmentSettings
    seed: int
    iteration: int
    generated: ObjectRef
    form: ObjectRef | None = omitted_when_default(None)
    checkers: ObjectRef | None = omitted_when_default(None)


class Judge(StepMessage):
    spec: JudgmentSpec


class ComparisonSpec(Spec):
    """Have the judge compare its judgments of one response of each prompt, two at a time, in both orders.

    Input: rows of JudgedPrompt. Result: rows of ComparedPrompt, for those prompts whose judgments differ.
    """

    identity: ClassVar[str] = "ComparisonSpec"
    revision: Literal[2] = COMPARISON_REVISION
    model: ModelRef
    engine: EngineIdentity
    form: ObjectRef
    judgment: JudgmentSettings
    comparison: ComparisonSettings
    seed: int
    iteration: int
    judged: ObjectRef


class Compare(StepMessage):
    spec: ComparisonSpec
