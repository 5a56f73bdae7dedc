"""`spar plan --pilot`: runs the pilot and prints its forecast. Prices are those of the recipe's budget."""

import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from spar.cli.console import err, out, print_warning
from spar.cli.exits import STOPPED
from spar.cli.run_end import examples_of, print_end, print_examples
from spar.cli.tables import print_wide
from spar.recipes.benchmarks import benchmark_of
from spar.recipes.init import NAMES
from spar.recipes.models import Recipe

if TYPE_CHECKING:
    from spar.db.progress import RunProgress
    from spar.embedded.home import Home
    from spar.evaluation.benchmarks.driver import ItemCounts
    from spar.planning.forecast import Forecast, Range, StepForecast

MIB = 1 << 20


def forecast_of(
    recipe: Recipe, items: Mapping[str, "ItemCounts"], directory: Path, prompts: int, train: bool
) -> "Forecast":
    """Run the pilot in the home and forecast the whole run. Raises what a run raises; SystemExit on Ctrl-C."""
    from spar.cli.progress import watching
    from spar.cli.run import stop_on_signal
    from spar.embedded.home import Home
    from spar.embedded.piloting import run_pilot
    from spar.embedded.staging import staging
    from spar.embedded.system import EMBEDDED_WINDOW
    from spar.planning.call_estimates import added
    from spar.planning.forecast import forecast
    from spar.planning.measuring import measuring_of
    from spar.runtime.log import log_to

    home = Home(directory)
    home.check_free()
    with staging(recipe) as staged, home.lock(), stop_on_signal() as stop:
        home.runs.mkdir(exist_ok=True)
        log_to(home.runs / "log.jsonl")
        with watching() as watcher:
            piloted = run_pilot(recipe, staged, home, prompts, train, watcher, stop)
    end = piloted.progress.end
    if piloted.facts is None:
        raise SystemExit(_unfinished(piloted.progress, home, stop))
    if end is not None and end.reason.by_outcomes:
        print_warning(f"The run would stop like its pilot: {end.what}. {end.fix}")
        print_examples(examples_of(piloted.progress, home))
    plan = measuring_of(recipe, items)
    benchmark_calls = added(each.own.plus(each.judge) for each in plan if benchmark_of(each.name) is not None)
    return forecast(recipe, piloted.facts, recipe.budget.price, EMBEDDED_WINDOW, benchmark_calls)


def _unfinished(progress: "RunProgress", home: "Home", stop: threading.Event) -> int:
    if stop.is_set():
        err.print("Stopped. The pilot's results are kept: run the same command again to resume.")
        return STOPPED
    return print_end(progress, "run the same command again", examples_of(progress, home))


def print_forecast(found: "Forecast", disk: str) -> None:
    """Print the forecast by step with 95% intervals, then trainings, disk, and what the pilot has already done."""
    counted = f"{found.prompts:,} prompts from a pilot of {found.pilot_prompts}"
    out.print(f"{found.recipe}: forecast for {counted} (95% intervals)", style="bold", markup=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    paid = found.total.money is not None
    for name in ("calls", "tokens read", "tokens written", "hours", *(["money"] if paid else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for step in (*found.steps, found.total):
        style = "bold" if step is found.total else ""
        table.add_row(Text(step.step, style=style), *(Text(cell, style=style) for cell in _cells(step, paid)))
    print_wide(table)
    out.print("Steps run in parallel: their hours add up to more than the total.", style="dim")
    for name, steps in found.training_steps.items():
        whose = f"of {name}, once" if name in NAMES.values() else f"of the {name} an iteration"
        out.print(f"training: {steps:,} steps {whose}", markup=False, soft_wrap=True)
    out.print(f"results on disk: {_sized(found.result_bytes)}{disk}", markup=False, soft_wrap=True)
    for what, spent in (
        ("done by the pilot", found.taken),
        ("of these, reused by a run in the same --dir", found.done),
    ):
        out.print(f"{what}: {spent.calls:,.0f} calls, {spent.tokens:,.0f} tokens", markup=False, soft_wrap=True)
    for note in found.notes:
        print_warning(note)


def _cells(step: "StepForecast", paid: bool) -> list[str]:
    cells = [_counted(each) for each in (step.calls, step.prompt_tokens, step.completion_tokens)]
    cells.append(_ranged(step.hours, 2))
    return [*cells, _ranged(step.money, 2) if step.money is not None else "–"] if paid else cells


def _counted(one: "Range") -> str:
    return _ranged(one, 0)


def _ranged(one: "Range", digits: int) -> str:
    if not one.value:
        return "–"
    if digits and one.value < 0.1:
        digits = 4
    return f"{one.value:,.{digits}f} ({one.low:,.{digits}f}–{one.high:,.{digits}f})"


def _sized(one: "Range") -> str:
    return f"{one.value / MIB:,.1f} MiB ({one.low / MIB:,.1f}–{one.high / MIB:,.1f})"


def as_json(found: "Forecast") -> dict[str, Any]:
    return asdict(found)
