"""`spar synthetic`: the paper's Figure 4 with tiny models: do refined pairs teach what interfering pairs do not?

Self-contained: it creates the models and pairs and runs the trainings. Ctrl-C stops it; rerun the command to resume
with the missing seeds.
"""

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from spar.cli.console import err, out
from spar.errors import RecipeError
from spar.experiments.interference.claims import claims_of
from spar.experiments.interference.results import result_json
from spar.experiments.interference.running import run_experiment
from spar.experiments.interference.settings import SETTINGS
from spar.experiments.interference.tasks import TASKS

QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Nothing is downloaded. The libraries read these when they are loaded, so they hold for the whole process."""


def synthetic(  # noqa: PLR0913 - one parameter per option
    task: Annotated[str, typer.Argument(metavar="TASK", help="characters or stories.")],
    to: Annotated[Path, typer.Option("--out", help="Directory for the JSON file and the page.")] = Path("synthetic"),
    seeds: Annotated[int, typer.Option(min=2, help="Number of seeds, starting at --first-seed.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    pairs: Annotated[int | None, typer.Option(min=1, help="Pairs of each kind.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of DPO.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="DPO's learning rate.")] = None,
    nll_weight: Annotated[float | None, typer.Option(min=0, help="Weight of the chosen response's NLL.")] = None,
    start_steps: Annotated[int | None, typer.Option(min=1, help="Training steps of a starting model.")] = None,
    heldout: Annotated[int | None, typer.Option(min=1, help="Held-out responses per measurement.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Steps between measurements.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train tiny models on refined and on interfering pairs, and test the paper's claims over several seeds."""
    if task not in TASKS:
        raise RecipeError(f"Unknown synthetic task {task!r}.", f"Choose one of: {', '.join(TASKS)}.")
    settings = SETTINGS[task].changed(
        pairs=pairs,
        epochs=epochs,
        rate=rate,
        nll_weight=nll_weight,
        start_steps=start_steps,
        heldout=heldout,
        every=every,
    )
    os.environ.update(QUIET)
    wanted = range(first_seed, first_seed + seeds)
    result = run_experiment(task, settings, wanted, to, lambda line: err.print(line, markup=False, soft_wrap=True))
    claims = claims_of(result)
    if as_json:
        verdicts = [{**dataclasses.asdict(claim), "verdict": claim.verdict} for claim in claims]
        typer.echo(json.dumps({**result_json(result), "claims": verdicts}, indent=1))
        return
    for claim in claims:
        out.print(str(claim), markup=False, soft_wrap=True, highlight=False)
    out.print(f"page: {to / f'synthetic-{task}.html'}", markup=False, soft_wrap=True, highlight=False)
