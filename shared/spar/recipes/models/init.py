"""How the starting models are made, in recipes that make them."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from spar.recipes.models.base import Positive, Section, Unit
from spar.recipes.models.models import EngineSettings
from spar.recipes.models.steps import GenerationSettings, JudgmentSettings, RefinerDataSettings, SearchSettings
from spar.recipes.models.training import ActorSettings, SftSettings

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
    "actor": {"method": "sft", "learning_rate": 2e-6},
    "refiner": {"learning_rate": 2e-6},
}
"""The paper's settings for the starting models (docs/method.md): teacher at 0.7, greedy refinement, SFT at 2e-6."""


class TeacherSettings(Section):
    """The teacher that makes the training data of the starting models (in the paper, GPT-4o-mini)."""

    model: str
    """As in `models`; usually `served:NAME`."""
    engine: EngineSettings | None = None
    """The engine that serves it; null: the recipe's engine."""


class InitPrompts(Section):
    """The prompts of the starting models, none of which is used in self-play."""

    source: str | None = None
    """As `prompts.source`; null: the same source, of which these are the first."""
    actor: Annotated[Positive, Unit("prompts")] = 8000
    """Prompts that the teacher responds to, for the actor."""
    refiner: Annotated[Positive, Unit("prompts")] = 8000
    """Further prompts, for the refiner: the new actor responds to them, and its responses are judged and refined."""


class InitData(Section):
    """Given data sets instead of a teacher's, as written by `spar sets import`; all files of a role are used."""

    actor: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Files of conversations; of pairs if `init.actor.method` is dpo."""
    refiner: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Files of conversations: judgments and refinements."""


class InitSettings(Section):
    """How the starting models are made from `models`, the backbones: the actor by SFT on a teacher's
    responses, the refiner by SFT on its judgments and refinements of the new actor's responses."""

    teacher: TeacherSettings | None = None
    """The teacher; null if `data` gives both data sets."""
    prompts: InitPrompts = InitPrompts()
    """The prompts of the starting models."""
    data: InitData = InitData()
    """Given data sets, instead of a teacher's."""
    generation: GenerationSettings
    """How the teacher's responses are sampled; one response per prompt is trained on."""
    responses: GenerationSettings
    """How the new actor's responses, which are judged, are sampled."""
    judgment: JudgmentSettings
    """How the teacher judges these responses."""
    search: SearchSettings
    """How the teacher refines a negative: once, greedily."""
    selection: RefinerDataSettings
    """Caps and balance of the refiner's data."""
    actor: ActorSettings
    """SFT, or DPO on given pairs: then `models.actor` is the reference, and should already follow instructions."""
    refiner: SftSettings
    """How the refiner is fine-tuned."""

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, data: Any) -> Any:
        """Applied key by key, since these sections have other defaults here than in self-play."""
        if not isinstance(data, dict):
            return data
        whole = {
            name: {**defaults, **given} if isinstance(given := data.get(name, {}), dict) else given
            for name, defaults in INIT_DEFAULTS.items()
        }
        actor = data.get("actor")
        if isinstance(actor, dict) and actor.get("method") == "dpo":
            whole["actor"] = actor  # the defaults above are SFT's
        return {**data, **whole}
