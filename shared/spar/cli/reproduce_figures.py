"""The paper's figures for `spar reproduce`: a page with the paper's printed points and ours. Measures nothing."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from spar.cli.console import out, print_warning
from spar.embedded.reports import report_of
from spar.errors import DataError
from spar.experiments.paper_tables.published import read_table

FIGURES = (1, 3, 4, 5)
FIGURE_4 = (
    "The paper prints no number of Figure 4. It states: refined pairs rise in both tasks; interfering pairs learn the "
    "case fast and end lower, for stories below step 0."
)
DECODED = "SPaR-8B-DPO-iter3"
SEARCHED = f"{DECODED} w/ tree search"


def reproduce_figure(
    number: int, runs: Sequence[str], ours: Path | None, directory: Path | None, page: Path | None, as_json: bool
) -> None:
    """Draw a figure. Raises DataError for a figure that is not drawn from numbers, or whose source is missing."""
    if number not in FIGURES:
        known = ", ".join(f"figure{each}" for each in FIGURES)
        raise DataError(f"Figure {number} of the paper is not drawn from a run's numbers.", f"Choose one of: {known}.")
    target = page or Path(f"figure{number}.html")
    if number in (4, 5):
        if ours is None or runs:
            source = "spar synthetic --out DIR" if number == 4 else "spar decode --out DIR"
            raise DataError(f"Figure {number} is drawn from a result of '{source}'.", "Give its JSON file with --ours.")
        drawn = _figure_4(ours, target) if number == 4 else _figure_5(ours, target)
    elif ours is not None:
        raise DataError(f"Figure {number} is drawn from runs.", "Name them with --run [NAME=]RUN.")
    else:
        drawn = _over_iterations(number, runs, directory, target)
    drawn |= {"figure": number, "page": str(target)}
    if as_json:
        typer.echo(json.dumps(drawn, ensure_ascii=False))
        return
    for line in drawn["lines"]:
        out.print(line, soft_wrap=True, markup=False)
    for note in drawn["notes"]:
        print_warning(note)
    out.print(f"page: {target}", soft_wrap=True, markup=False)


def _over_iterations(number: int, runs: Sequence[str], directory: Path | None, target: Path) -> dict[str, Any]:
    from spar.experiments.paper_figures.series import FIGURES as TITLES
    from spar.experiments.paper_figures.series import UNPRINTED, limits_of, of_run, published, render_figure, table_of

    curves, notes = published(number), [UNPRINTED[number]]
    for run in runs:
        name, equals, place = run.partition("=")
        report = report_of(place if equals else run, directory)
        shown = name if equals else report.recipe_name
        if any(curve.name == shown for curve in curves):
            raise DataError(f"Two curves would be called '{shown}'.", "Name each run: --run NAME=RUN.")
        curves.append(of_run(shown, report))
        notes += limits_of(shown, report)
    target.write_text(render_figure(TITLES[number], curves, notes), encoding="utf-8")
    rows = table_of(curves)
    lines = [f"{name}: {', '.join('-' if value is None else f'{value:.1f}' for value in row)}" for name, row in rows]
    return {"curves": [asdict(curve) for curve in curves], "lines": [TITLES[number], *lines], "notes": notes}


def _figure_4(ours: Path, target: Path) -> dict[str, Any]:
    from spar.experiments.interference.claims import claims_of
    from spar.experiments.interference.page import render
    from spar.experiments.interference.results import result_from_json

    result = result_from_json(ours)
    target.write_text(render(result), encoding="utf-8")
    claims = claims_of(result)
    verdicts = [{**asdict(claim), "verdict": claim.verdict} for claim in claims]
    return {"claims": verdicts, "lines": [str(claim) for claim in claims], "notes": [FIGURE_4]}


def _figure_5(ours: Path, target: Path) -> dict[str, Any]:
    from spar.experiments.inference_scaling.page import render_sweep
    from spar.experiments.inference_scaling.report import read_sweep

    report = read_sweep(ours)
    target.write_text(render_sweep(report), encoding="utf-8")
    rows = {row.model: row.values["ifeval.average"] for row in read_table(1).rows}
    theirs = f"paper, IFEval average: greedy {rows[DECODED]:.1f}, with tree search {rows[SEARCHED]:.1f}"
    lines = [f"ours, {each.strategy} at {each.budget}: {_rate(each)}" for each in report.points]
    notes = ["The paper prints no other number of Figure 5's curves."]
    if all(point.average is None for point in report.points):
        notes.append(f"Ours is the share of good responses on {report.source}, not IFEval's average.")
    return {"points": [asdict(point) for point in report.points], "lines": [theirs, *lines], "notes": notes}


def _rate(point: Any) -> str:
    mean = "" if point.average is None else f"mean of four {100 * point.average.value:.1f}, "
    return f"{mean}good {100 * point.rate:.1f} ({100 * point.low:.1f} to {100 * point.high:.1f})"
