"""Writes a carried model's card: what it is, what it was taught, what was measured, how to make it again."""

from collections.abc import Mapping

from spar import commands
from spar.worlds.story.stages import TinyShape, TrainingStage


def card(stage: TrainingStage, seed: int, shape: TinyShape, figures: Mapping[str, str]) -> str:
    """The README.md of one model. `figures` are measured values by what they say, such as "judge": "0.981"."""
    skills = ", ".join(f"{name} {weight:.0%}" for name, weight in stage.mixture.items())
    start = "random weights" if stage.start is None else f"story/{stage.start}"
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    return f"""# story/{stage.name}

A tiny Llama of the story world: {stage.about}. It knows only this world's words, and is of no use outside it.

- Shape: hidden {shape.hidden}, {shape.layers} layers, {shape.heads} heads, feed-forward {shape.feed_forward}, \
tied embeddings, {shape.max_positions} positions, float32.
- Starts from: {start}.
- Taught: {stage.examples} conversations by the rules teacher, on prompts of the train split only ({skills}); \
batches of {stage.batch}, learning rate {stage.learning_rate:g}, cosine; seed {seed}.
- Made by: `{command(stage, seed)}`. Another processor or torch version may give slightly other weights.
- License: Apache-2.0, as the rest of this repository. All training text is made by this repository's code.

Measured on held-out prompts by the world's rules:

| measure | value |
|---|---|
{rows}
"""


def command(stage: TrainingStage, seed: int) -> str:
    """What makes this one model again, from the carried model that it starts from."""
    start = () if stage.start is None else ("--from", "builtin")
    return commands.command("world", "train", "--out", "DIR", "--only", stage.name, *start, "--seed", seed)
