"""`spar decode`: measure strategies of inference over budgets, and judging over votes; one JSON file and one page.

Every reply is stored in OUT/calls/ as it arrives: rerunning the command resumes, and a larger budget requests only
what is new.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as Grid

from spar.cli.console import err, out, print_warning
from spar.cli.options import options_of
from spar.cli.tables import print_wide
from spar.errors import RecipeError
from spar.experiments.benchmarks.job import EngineOptions, place_of
from spar.experiments.inference_scaling.grid import GridCell
from spar.experiments.inference_scaling.measure import ITSELF
from spar.experiments.inference_scaling.report import SweepReport
from spar.experiments.inference_scaling.run import Sweep, run_sweep
from spar.experiments.inference_scaling.settings import SweepSettings
from spar.experiments.inference_scaling.sources import STORY
from spar.inference.endpoints import Role, templates_for
from spar.inference.strategies import TreeShape

SWEEP = SweepSettings()
"""Defaults of the sweep."""
DEFAULT_BUDGETS = ",".join(str(budget) for budget in SWEEP.budgets)
DEFAULT_MAJORITY = ",".join(str(votes) for votes in SWEEP.majority)


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """The command's options."""

    source: Annotated[str, typer.Argument(metavar="PROMPTS", help="story, ifeval, or JSON lines of {prompt}.")]
    actor: Annotated[str, typer.Option(help="URL[#NAME], a model's directory, or builtin:NAME.")] = ""
    refiner: Annotated[str, typer.Option(help="The same, for the model that judges and refines.")] = ""
    judge: Annotated[str, typer.Option(help="Scores what no rule checks; by default the refiner.")] = ""
    to: Annotated[Path, typer.Option("--out", help="Output directory.")] = Path("decode")
    data: Annotated[Path | None, typer.Option(help="IFEval's input_data.jsonl, or its folder.")] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Number of prompts. [default: 500 for story, else all]")] = (
        None
    )
    strategies: Annotated[str, typer.Option(help="Comma-separated names.")] = ",".join(SWEEP.strategies)
    budgets: Annotated[str, typer.Option(help="At most this many samples per prompt; comma-separated.")] = (
        DEFAULT_BUDGETS
    )
    branch: Annotated[int, typer.Option(min=1, help="Refinements per node, for bfs and dfs.")] = SWEEP.shape.branch
    keep: Annotated[int, typer.Option(min=1, help="Nodes kept per level.")] = SWEEP.shape.keep
    depth: Annotated[int, typer.Option(min=1, help="Levels.")] = SWEEP.shape.depth
    retries: Annotated[int, typer.Option(min=0, help="Retries of a failed refinement.")] = SWEEP.retries
    votes: Annotated[int, typer.Option(min=1, help="Per judgment.")] = SWEEP.votes
    majority: Annotated[str, typer.Option(help="Votes of the majority curve, comma-separated; empty: no curve.")] = (
        DEFAULT_MAJORITY
    )
    judge_items: Annotated[int, typer.Option(min=1, help="Responses judged for the majority curve.")] = (
        SWEEP.judge_items
    )
    templates: Annotated[str | None, typer.Option(help="spar, compact, or a folder.")] = None
    response_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a response.")] = SWEEP.response_tokens
    judge_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a vote.")] = SWEEP.judge_tokens
    refine_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a refinement.")] = SWEEP.refine_tokens
    seed: Annotated[int, typer.Option(min=0, help="Sampling seed.")] = SWEEP.seed
    window: Annotated[int, typer.Option(min=1, help="Requests in flight; in-process, sequences.")] = 256
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0
    trees: Annotated[int, typer.Option(min=1, help="Prompts in progress at once.")] = SWEEP.at_once
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False


@options_of(DecodeOptions)
def decode(given: DecodeOptions) -> None:
    """Compare greedy, best-of-n, iterative refinement and tree search over inference budgets, and plot the results."""
    sweep = _sweep(given)
    report = run_sweep(sweep, _print_progress)
    if given.as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
        return
    _print(report)
    out.print(f"page: {sweep.page}", soft_wrap=True, markup=False)


def _sweep(given: DecodeOptions) -> Sweep:
    places: dict[Role, str] = {"actor": given.actor, "refiner": given.refiner, "judge": given.judge}
    if given.source == STORY:
        places = {"actor": given.actor or "builtin:story/actor", "refiner": given.refiner or "builtin:story/refiner"}
    for role in ("actor", "refiner"):
        if not places[role]:
            raise RecipeError(f"A sweep needs a model as its {role}.", f"Name one with --{role} URL[#NAME] or DIR.")
    options = EngineOptions(window=given.window, deadline_s=given.deadline)
    settings = SweepSettings(
        strategies=[name.strip() for name in given.strategies.split(",") if name.strip()],
        budgets=_numbers("--budgets", given.budgets),
        shape=TreeShape(branch=given.branch, keep=given.keep, depth=given.depth),
        retries=given.retries,
        votes=given.votes,
        majority=_numbers("--majority", given.majority),
        judge_items=given.judge_items,
        response_tokens=given.response_tokens,
        judge_tokens=given.judge_tokens,
        refine_tokens=given.refine_tokens,
        seed=given.seed,
        at_once=given.trees,
    )
    return Sweep(
        source=given.source,
        data=given.data,
        limit=given.limit,
        places={role: place_of(role, place, options) for role, place in places.items() if place},
        templates=templates_for(given.templates, places["refiner"]),
        settings=settings,
        out=given.to,
    )


def _numbers(option: str, text: str) -> list[int]:
    """Raises RecipeError unless the text lists whole numbers from 1."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdecimal() and int(word) for word in words):
        raise RecipeError(f"{option} is '{text}'.", "Write comma-separated whole numbers from 1, such as 1,2,4,8,16.")
    return [int(word) for word in words]


def _print_progress(cell: GridCell) -> None:
    err.print(f"{cell.name}, budget {cell.budget}: done", markup=False)


def _print(report: SweepReport) -> None:
    averaged = any(point.average is not None for point in report.points)
    columns = ["good", "95% interval", *(["mean of four", "95% interval"] if averaged else [])]
    grid = Grid("strategy", "budget", *columns, "drawn", "judgments", "votes", "tokens", box=None)
    for point in report.points:
        counts = [f"{value:.2f}" for value in (point.draws, point.judgments)]
        rates = [f"{100 * point.rate:.1f}%", f"{100 * point.low:.1f} to {100 * point.high:.1f}"]
        if (mean := point.average) is not None:
            rates += [f"{100 * mean.value:.1f}%", f"{100 * mean.low:.1f} to {100 * mean.high:.1f}"]
        shown = [point.strategy, str(point.budget), *rates, *counts]
        grid.add_row(*shown, f"{point.votes:.1f}", f"{point.tokens:.0f}")
    print_wide(grid)
    for line in report.verdict():
        out.print(line, soft_wrap=True, markup=False)
    if report.majority:
        shares = [f"{each.votes or 'greedy'} {100 * each.accuracy:.1f}%" for each in report.majority]
        out.print(f"majority of k votes: {', '.join(shares)}", soft_wrap=True, markup=False)
    if report.scored_by == ITSELF:
        print_warning("The refiner scored the results of its own search: name an independent --judge.")
