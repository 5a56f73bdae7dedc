"""`spar world`: makes the story world's starting models again, and measures models of that world.

Training and models are loaded only inside the commands.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spar.cli.console import out as console

if TYPE_CHECKING:
    from spar.worlds.story.train import Progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Part = Literal["actor", "refiner"]
Figures = dict[str, str]

Folder = Annotated[Path, typer.Option("--out", help="Where the models go, one folder each.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of weights, data and order.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Train this stage only; may be repeated.")]
Items = Annotated[int, typer.Option(min=1, help="Held-out items per measure.")]


@app.command()
def train(out: Folder, seed: Seed = 0, only: Only = None, items: Items = 1000) -> None:
    """Train the starting models on one CPU thread, then measure them and write their cards."""
    from spar.worlds.story.cards import card
    from spar.worlds.story.stages import Shape, chosen_stages
    from spar.worlds.story.train import train_stage

    measured: dict[str, Figures] = {}
    for stage in chosen_stages(tuple(only or ())):
        folder = train_stage(stage, out, seed, _print_progress)
        figures = asyncio.run(_measure(folder, stage.parts, items))
        (folder / "README.md").write_text(card(stage, seed, Shape(), figures), encoding="utf-8")
        measured[stage.name] = figures
    _print_table(measured)
    typer.echo(f"Models: {out}")


@app.command()
def measure(
    model: Annotated[Path, typer.Argument(help="A model's directory.")],
    part: Annotated[str, typer.Option("--as", help="Measure it as actor, refiner, or both.")] = "both",
    items: Items = 1000,
) -> None:
    """Measure a model on held-out prompts by the world's rules."""
    choices: dict[str, tuple[Part, ...]] = {
        "actor": ("actor",),
        "refiner": ("refiner",),
        "both": ("actor", "refiner"),
    }
    if part not in choices:
        raise typer.BadParameter(f"'{part}' is none of {', '.join(choices)}.", param_hint="--as")
    _print_table({model.name: asyncio.run(_measure(model, choices[part], items))})


async def _measure(folder: Path, parts: tuple[Part, ...], items: int) -> Figures:
    """Each measure's rate with its 95% interval, from the engine and the suite that runs use too."""
    from spar.engines.base import LocalModel
    from spar.engines.registry import make_engine
    from spar.evaluation.statistics import Proportion
    from spar.evaluation.suites import run_suite
    from spar.method.templates import builtin_templates
    from spar.recipes.models import EngineSettings, EvaluationSettings
    from spar.store.models import folder_fingerprint

    engine = make_engine(EngineSettings(kind="transformers"))
    settings = EvaluationSettings(actor_prompts=items, judge_items=items, refine_items=items)
    figures: Figures = {}
    try:
        chat = await engine.serve(LocalModel(folder_fingerprint(folder), path=folder))
        for part in parts:
            result = await run_suite(part, chat, settings, builtin_templates("compact"), settings.seed)
            for name in dict.fromkeys(row.measure for row in result.rows):
                rate = Proportion.of([row.correct for row in result.rows if row.measure == name])
                low, high = rate.interval
                figures[name.value] = f"{rate.rate:.3f} ({low:.3f} to {high:.3f}, {rate.total} items)"
    finally:
        await engine.close()
    return figures


def _print_progress(progress: "Progress") -> None:
    typer.echo(
        f"{progress.stage}  step {progress.step}/{progress.steps}  loss {progress.loss:.3f}"
        f"  {progress.tokens_per_s:.0f} tokens/s  {progress.seconds:.0f} s"
    )


def _print_table(measured: dict[str, Figures]) -> None:
    from rich.table import Table

    table = Table("model", "measure", "rate (95% interval)")
    for model, figures in measured.items():
        for name, value in figures.items():
            table.add_row(model, name, value)
    console.print(table)
