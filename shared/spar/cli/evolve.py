"""`spar prompts evolve`: a teacher turns seed prompts into prompts with constraints.

Shows the price and asks for confirmation before it sends a request; rerun the command to resume. `spar.evolution` does
the work; this module reads options, chooses where to run, and prints results.
"""

import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spar.cli.console import err, out
from spar.cli.engine_options import BodyOption, HeaderOption, body_of, headers_of
from spar.cli.exits import STOPPED
from spar.cli.options import options_of
from spar.cli.source_options import Encoding, Field, Format, Sources, Split, System, Tools
from spar.embedded.homes import RUNS
from spar.errors import RecipeError
from spar.packages import require_modules

if TYPE_CHECKING:
    from spar.evolution.evolve import Done
    from spar.evolution.job import EvolveJob
    from spar.messages.base import ModelRef
    from spar.recipes.models import EngineSettings

NEEDED = ("datasets", "numpy", "pyarrow", "sacrebleu")
RULES = "rules"
HERE, THERE, STACK = 32, 256, 1024
"""Prompts with the teacher at once, unless --window is given: a batch on a CPU; requests to a server; the total over a
stack's workers, each of which sends at most HERE or THERE at once."""

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Directory for prompts, rejects and manifest.")]
Teacher = Annotated[
    str,
    typer.Option(
        help="URL of an OpenAI-compatible server, a model's directory, or `rules` (the story world's). With --stack "
        "the workers call it: give an address that they reach, and set SPAR_ENGINE_API_KEY in their environment."
    ),
]
ModelName = Annotated[str | None, typer.Option("--model", help="The model's name at the server.")]
TaxonomyName = Annotated[
    str | None, typer.Option("--taxonomy", help="spar, story, or a YAML file. [default: the teacher's]")
]
Forms = Annotated[
    str | None,
    typer.Option("--forms", help="spar, compact, or a folder of evolve.txt and validate.txt. [default: the teacher's]"),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Read at most N rows.")]
PriceIn = Annotated[
    float | None, typer.Option("--price-per-million-in", min=0, help="Price of a million prompt tokens.")
]
PriceOut = Annotated[
    float | None, typer.Option("--price-per-million-out", min=0, help="Price of a million reply tokens.")
]
Home_ = Annotated[
    Path | None, typer.Option("--dir", metavar="HOME", help="Where results are kept. [default: runs/evolution]")
]
Stack = Annotated[
    bool,
    typer.Option(
        "--stack",
        help="Run on the stack at SPAR_BROKER_URL and SPAR_S3_* (or SPAR_STORE_DIR).",
    ),
]


@dataclass(frozen=True, slots=True)
class EvolveOptions:
    """The command's options."""

    sources: Sources
    to: Out
    teacher: Teacher
    model: ModelName = None
    taxonomy: TaxonomyName = None
    forms: Forms = None
    format_: Format = "auto"
    field: Field = None
    encoding: Encoding = "utf-8"
    split: Split = "train"
    system: System = "reject"
    tools: Tools = "reject"
    limit: Limit = None
    temperature: Annotated[float, typer.Option(min=0, max=2, help="Sampling temperature.")] = 0.7
    top_p: Annotated[float, typer.Option(min=0.01, max=1, help="Nucleus sampling's top p.")] = 1.0
    max_tokens: Annotated[int, typer.Option(min=1, help="Token limit of a reply.")] = 1024
    retries: Annotated[int, typer.Option(min=0, help="Retries of an unusable reply.")] = 2
    seed: Annotated[int, typer.Option(min=0, help="Seed of the main constraints and of sampling.")] = 0
    send_seed: Annotated[bool, typer.Option(help="Send seeds to the server.")] = True
    body: BodyOption = None
    header: HeaderOption = None
    window: Annotated[int | None, typer.Option(min=1, help="Prompts with the teacher at once.")] = None
    deadline: Annotated[float, typer.Option(min=0.001, help="Timeout of one call, in seconds.")] = 600.0
    price_in: PriceIn = None
    price_out: PriceOut = None
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Start without confirmation.")] = False
    replace: Annotated[bool, typer.Option("--replace", help="Replace an earlier evolution in DIR.")] = False
    home: Home_ = None
    stack: Stack = False
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False


@options_of(EvolveOptions)
def evolve(given: EvolveOptions) -> None:
    """Add constraints to seed prompts by a teacher. It checks what it wrote; every row is accounted for.

    Shows the cost and asks for confirmation; rerun the command to resume. Exit codes: 2 bad input or settings, 3 the
    engine, the disk or the stack failed.
    """
    require_modules("data", "Evolving prompts", NEEDED)
    if given.stack and given.home is not None:
        raise RecipeError("--dir names a local home, and --stack uses none.", "Leave one of them out.")
    from spar.cli.evolve_report import print_evolution

    job = _job(given)
    done = _on_the_stack(job, given.yes) if given.stack else _here(job, given.yes, given.home or RUNS / "evolution")
    if done is None:
        err.print("Cancelled: no request was sent to the teacher.")
        sys.exit(STOPPED)
    if given.as_json:
        out.print_json(json.dumps(done.manifest.model_dump(mode="json")))
    else:
        print_evolution(done, given.to)


def _here(job: "EvolveJob", yes: bool, directory: Path) -> "Done | None":
    from spar.cli.evolve_report import CostConfirmation, EvolveProgress
    from spar.embedded.home import Home
    from spar.embedded.step_queue import EmbeddedStepQueue
    from spar.evolution.evolve import evolve_prompts
    from spar.runtime.log import log_to

    with Home(directory).lock() as home:
        home.runs.mkdir(exist_ok=True)
        log_to(home.runs / "log.jsonl")
        return evolve_prompts(job, EmbeddedStepQueue(home, job.steps_at_once), CostConfirmation(yes), EvolveProgress())


def _on_the_stack(job: "EvolveJob", yes: bool) -> "Done | None":
    from spar.cli.evolve_report import CostConfirmation, EvolveProgress
    from spar.evolution.evolve import evolve_prompts
    from spar.evolution.stack import StackStepQueue
    from spar.runtime.log import log_to
    from spar.runtime.read_settings import read_settings
    from spar.runtime.settings import Settings

    log_to(None)
    logging.getLogger().setLevel(logging.ERROR)  # what concerns the user is printed in sentences
    return evolve_prompts(
        job, StackStepQueue(read_settings(Settings), "evolve"), CostConfirmation(yes), EvolveProgress()
    )


def _job(given: EvolveOptions) -> "EvolveJob":
    from spar.data.sources import Options
    from spar.evolution.forms import forms_named
    from spar.evolution.job import EvolveJob
    from spar.evolution.price import Prices
    from spar.evolution.taxonomy import taxonomy_named
    from spar.recipes.models import SamplingSettings

    story = given.teacher == RULES
    batch = THERE if "://" in given.teacher else HERE
    window = given.window or (STACK if given.stack else batch)
    batch = batch if given.stack else window
    engine, served = _teacher(given, batch)
    return EvolveJob(
        sources=tuple(given.sources),
        out=given.to,
        options=Options(format=given.format_, field=given.field, encoding=given.encoding, split=given.split),
        system=given.system,
        tools=given.tools,
        limit=given.limit,
        engine=engine,
        model=served,
        taxonomy=taxonomy_named(given.taxonomy or ("story" if story else "spar")),
        forms=forms_named(given.forms or ("compact" if story else "spar")),
        sampling=SamplingSettings(temperature=given.temperature, top_p=given.top_p, max_tokens=given.max_tokens),
        retries=given.retries,
        seed=given.seed,
        window=window,
        prices=Prices(prompt=given.price_in, completion=given.price_out),
        replace=given.replace,
    )


def _teacher(given: EvolveOptions, batch: int) -> "tuple[EngineSettings, ModelRef]":
    from spar.inference.endpoints import RequestOptions, server_settings
    from spar.recipes.models import EngineSettings
    from spar.runtime.models import refer

    place, name = given.teacher, given.model
    if "://" in place:
        how = RequestOptions(batch, given.deadline, given.send_seed, body_of(given.body), headers_of(given.header))
        settings, in_place = server_settings(place, how)
        if not (name := name or in_place):
            # Stored results are found by the model's name, so one is required.
            raise RecipeError("The server's model is not named.", "Add --model NAME.")
        return settings, refer(f"served:{name}")
    if name is not None:
        raise RecipeError(f"--model names a server's model, and '{place}' is no URL.", "Leave --model out.")
    if place == RULES:
        return EngineSettings(kind=RULES), refer("served:story/teacher")
    return EngineSettings(kind="transformers", max_batch=batch, deadline_s=given.deadline), refer(place)
