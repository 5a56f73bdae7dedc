"""The size of an experiment, chosen on seeds that are not among the reported ones, and its cost.

Knows no task's content.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from spar.recipes.models import DpoSettings, SftSettings
from spar.worlds.story.stages import TinyShape
from spar.worlds.story.vocabulary import SPECIAL

LONGEST = 64
"""Tokens of a sample, prompt and response; the longest has about 40."""

SHAPE = TinyShape(hidden=96, layers=3, heads=3, feed_forward=256, max_positions=LONGEST)
"""About 340,000 parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSettings:
    """`start_*` train the starting model; `pairs` of each kind train it further by DPO in batches of `batch`.

    `samples` responses are sampled for each prompt that may give a pair; `heldout` responses are measured every `every`
    steps.
    """

    start_steps: int
    start_rate: float
    pairs: int
    samples: int
    epochs: int
    rate: float
    heldout: int
    every: int
    start_batch: int = 64
    batch: int = 32
    beta: float = 0.1
    nll_weight: float = 0.1
    shape: TinyShape = SHAPE

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, **values: Any) -> "ExperimentSettings":
        """These settings with the values that are not None."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})

    def parameters(self, words: int) -> int:
        """The parameters of a model of this shape: tied embeddings of `words`, attention, feed-forward, norms."""
        hidden, wide = self.shape.hidden, self.shape.feed_forward
        layer = 4 * hidden * hidden + 3 * hidden * wide + 2 * hidden
        return (words + len(SPECIAL)) * hidden + self.shape.layers * layer + hidden

    def sft(self) -> SftSettings:
        return SftSettings(
            learning_rate=self.start_rate,
            schedule="cosine",
            epochs=1,
            batch_size=self.start_batch,
            max_length=LONGEST,
            dtype="float32",
            checkpoint_steps=1_000_000,  # none: an interrupted seed starts again
            threads=1,
        )

    def dpo(self) -> DpoSettings:
        return DpoSettings(
            learning_rate=self.rate,
            beta=self.beta,
            nll_weight=self.nll_weight,
            epochs=self.epochs,
            batch_size=self.batch,
            max_length=LONGEST,
            dtype="float32",
            checkpoint_steps=1_000_000,
            threads=1,
        )


SETTINGS: dict[str, ExperimentSettings] = {
    "characters": ExperimentSettings(
        start_steps=300, start_rate=3e-3, pairs=1280, samples=4, epochs=1, rate=2e-4, heldout=520, every=4
    ),
    "stories": ExperimentSettings(
        start_steps=1600,  # small batches: of 400 and 600 steps of 64 some seeds learned nothing
        start_rate=3e-3,
        start_batch=24,
        pairs=1280,
        samples=6,
        epochs=1,
        rate=2e-4,
        heldout=500,
        every=4,
    ),
}
"""DPO is set alike for both. Of three rates tried in pilots of the characters (seed 100, which is not reported) this is
the higher of the two at which refined pairs kept raising the accuracy (docs/synthetic.md)."""
