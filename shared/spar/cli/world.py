"""`spar world`: retrains the story world's starting models, and measures models of that world.

Training code and models are imported only inside the commands.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.console import out as console
from spar.commands import command

if TYPE_CHECKING:
    from spar.worlds.story.stages import Part, TinyShape, TrainingStage
    from spar.worlds.story.train import StageProgress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

BUILTIN = "builtin"

Folder = Annotated[Path, typer.Option("--out", help="Output directory, one folder per model.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights, data and order.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Train only this stage; repeatable.")]
Models = Annotated[
    str | None,
    typer.Option("--from", help="Directory of the models that stages start from; 'builtin': the built-in ones."),
]
Examples = Annotated[
    int | None, typer.Option(min=1, help="At most this many conversations per stage, for a quick trial.")
]
Items = Annotated[int, typer.Option(min=1, help="Held-out items per measure.")]


@app.command()
def train(
    out: Folder,
    seed: Seed = 0,
    only: Only = None,
    start: Models = None,
    examples: Examples = None,
    items: Items = 1000,
) -> None:
    """Train and measure the starting models. It takes one CPU thread and writes their model cards."""
    from spar.worlds.story.builtin import MODELS
    from spar.worlds.story.stages import TinyShape, chosen_stages, resized
    from spar.worlds.story.train import train_stage

    models = MODELS if start == BUILTIN else Path(start) if start else out
    measured: dict[str, Mapping[str, str]] = {}
    for stage in (resized(stage, examples) for stage in chosen_stages(tuple(only or ()))):
        folder = train_stage(stage, out, seed, _print_progress, models=models)
        figures = _measure(folder, stage.parts, items)
        (folder / "README.md").write_text(card(stage, seed, TinyShape(), figures), encoding="utf-8")
        measured[stage.name] = figures
    _print_table(measured)
    typer.echo(f"Models: {out}")


@app.command()
def measure(
    model: Annotated[Path, typer.Argument(help="A model's directory.")],
    part: Annotated[
        str,
        typer.Option(
            "--as", help="Measure as actor, refiner, both, or one (a model with both roles and the teacher's skills)."
        ),
    ] = "both",
    items: Items = 1000,
) -> None:
    """Measure a model on held-out prompts by the world's rules."""
    choices: dict[str, tuple[Part, ...]] = {
        "actor": ("actor",),
        "refiner": ("refiner",),
        "both": ("actor", "refiner"),
        "one": ("actor", "refiner", "skills"),
    }
    if part not in choices:
        raise typer.BadParameter(f"'{part}' is not one of {', '.join(choices)}.", param_hint="--as")
    _print_table({model.name: _measure(model, choices[part], items)})


def _measure(folder: Path, parts: "Sequence[Part]", items: int) -> Mapping[str, str]:
    """Each measure's rate as text, such as "0.981 (0.970 to 0.988, 1000 items)"."""
    from spar.evaluation.suites import measured_rates

    rates = asyncio.run(measured_rates(folder, parts, items))
    return {
        name: f"{rate.rate:.3f} ({rate.interval[0]:.3f} to {rate.interval[1]:.3f}, {rate.total} items)"
        for name, rate in rates.items()
    }


def _print_progress(progress: "StageProgress") -> None:
    typer.echo(
        f"{progress.stage}  step {progress.step}/{progress.steps}  loss {progress.loss:.3f}"
        f"  {progress.tokens_per_s:.0f} tokens/s  {progress.seconds:.0f} s"
    )


def _print_table(measured: Mapping[str, Mapping[str, str]]) -> None:
    from rich.table import Table

    table = Table("model", "measure", "rate (95% interval)")
    for model, figures in measured.items():
        for name, value in figures.items():
            table.add_row(model, name, value)
    console.print(table)


def card(stage: "TrainingStage", seed: int, shape: "TinyShape", figures: Mapping[str, str]) -> str:
    """The README.md of a built-in model. `figures` are measured values by name, such as "judge": "0.981"."""
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
- Made by: `{_retrain_command(stage, seed)}`. Another processor or torch version may give slightly other weights.
- License: Apache-2.0, as the rest of this repository. All training text is made by this repository's code.

Measured on held-out prompts by the world's rules:

| measure | value |
|---|---|
{rows}
"""


def _retrain_command(stage: "TrainingStage", seed: int) -> str:
    """The command that retrains this model from the built-in model that it starts from."""
    start = () if stage.start is None else ("--from", "builtin")
    return command("world", "train", "--out", "DIR", "--only", stage.name, *start, "--seed", seed)
