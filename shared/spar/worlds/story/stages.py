"""The training stages of the built-in models, as data: a new skill or model is one more row. Knows no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from spar.errors import DataError

Part = Literal["actor", "refiner", "skills"]
"""What a model is measured as; `skills` are those beyond actor and refiner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyShape:
    """The tiny Llama: about 0.9 million parameters, 3.5 MB as float32. Head size 32 is what vLLM takes."""

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    feed_forward: int = 384
    max_positions: int = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStage:
    """One training: its starting model, its data, how much and how fast."""

    name: str
    start: str | None  # an earlier stage; None begins from random weights
    mixture: Mapping[str, float]  # skill -> weight
    examples: int
    learning_rate: float
    batch: int  # examples per optimizer step
    parts: tuple[Part, ...]  # what the model is measured as
    about: str


STAGES: tuple[TrainingStage, ...] = (
    TrainingStage(
        name="backbone",
        start=None,
        mixture={"respond": 0.2, "judge": 0.3, "refine": 0.5},
        examples=90_000,
        learning_rate=4e-3,
        batch=64,
        parts=("actor", "refiner"),
        about="all three skills, from random weights; the other two start here",
    ),
    TrainingStage(
        name="actor",
        start="backbone",
        mixture={"respond_fading": 1.0},
        examples=40_000,
        learning_rate=1e-3,
        batch=64,
        parts=("actor",),
        about="responds to prompts; its teacher overlooks the last of three constraints more often than not",
    ),
    TrainingStage(
        name="refiner",
        start="backbone",
        mixture={"judge": 0.4, "refine": 0.6},
        examples=40_000,
        learning_rate=2e-3,
        batch=64,
        parts=("refiner",),
        about="judges responses with evidence, and refines bad ones with few changes",
    ),
    TrainingStage(
        name="one",
        start="backbone",
        mixture={
            "respond_fading": 0.12,
            "judge": 0.08,
            "refine": 0.22,
            "score_slipping": 0.16,
            "rate": 0.1,
            "compare": 0.24,
            "instruct": 0.08,
        },
        examples=90_000,
        learning_rate=2e-3,
        batch=64,
        parts=("actor", "refiner", "skills"),
        about="one model with every skill, for recipes without a refiner of its own: it responds as the actor does, "
        "judges, refines, scores, rates, compares judgments and writes instructions",
    ),
)


def resized(stage: TrainingStage, examples: int | None) -> TrainingStage:
    """The stage with at most this many examples, for a quick trial; unchanged for None."""
    return stage if examples is None else replace(stage, examples=min(stage.examples, examples))


def chosen_stages(only: tuple[str, ...]) -> tuple[TrainingStage, ...]:
    """The named stages, in order; all if none is named. Raises DataError for an unknown name."""
    names = [stage.name for stage in STAGES]
    for name in only:
        if name not in names:
            raise DataError(f"Unknown stage '{name}'.", f"Choose from: {', '.join(names)}.")
    return tuple(stage for stage in STAGES if not only or stage.name in only)
