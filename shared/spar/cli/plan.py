"""`spar plan`: estimates what a recipe needs before anything starts, and rejects what cannot fit (see `spar.planning`).

Reads the GPUs from nvidia-smi unless options describe them; downloads nothing. With --pilot it runs a small part and
forecasts the whole.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from spar.cli.console import print_warning
from spar.cli.plan_tables import gib, print_plan
from spar.errors import ModelUnusable, RecipeError
from spar.evaluation.benchmarks.driver import ItemCounts
from spar.planning.memory import GIB
from spar.planning.plan import plan_of
from spar.planning.plan_inputs import benchmark_items, config_in, config_on_hub, recipe_to_plan
from spar.planning.records import Host, ModelShapes, Plan, with_gpus
from spar.planning.shape import Shape, shape_of
from spar.recipes.load import load_recipe
from spar.recipes.models import CallPrice, PriceSettings, Recipe
from spar.recipes.problems import dotted
from spar.recipes.source import parse_value

_NVIDIA_SMI_S = 60  # nvidia-smi takes seconds on a large host without its persistence daemon
_MIB = 1 << 20
PRICES = {"prompt": "prompt_million", "completion": "completion_million", "hour": "hour"}
TEACHER = "teacher-"
"""Prefix of the teacher's prices."""
PRICE_HELP = "prompt, completion (per million tokens), hour; teacher-prompt, teacher-completion for the teacher."


def plan(  # noqa: PLR0913 - the command's options
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="A built-in recipe's name, or a YAML file.")],
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one value.")] = None,
    gpu_memory: Annotated[float | None, typer.Option(metavar="GIB", help="Memory of one GPU.", min=1)] = None,
    gpus: Annotated[int | None, typer.Option(help="Number of GPUs of the host.", min=0)] = None,
    prompt_tokens: Annotated[int, typer.Option(help="Length of a long prompt, in tokens.", min=1)] = 512,
    pilot: Annotated[
        int | None, typer.Option("--pilot", metavar="N", help="Run N prompts here and forecast the whole run.", min=1)
    ] = None,
    directory: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="The pilot's directory. [default: runs/<recipe name>]")
    ] = None,
    train: Annotated[bool, typer.Option("--train", help="Let the pilot train too, to time it.")] = False,
    price: Annotated[
        list[str] | None, typer.Option("--price", metavar="KEY=X", help=f"A price; repeatable. Keys: {PRICE_HELP}")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Estimate what a recipe needs: GPU memory, disk, calls, tokens. Exit code 2 if it cannot fit.

    Works before the recipe's prompts and data are given; a pilot needs them.
    """
    given = overrides or ()
    recipe = with_prices(_unfinished(name, given) if pilot is None else load_recipe(name, given), price or ())
    items = benchmark_items(recipe)
    if pilot is not None:
        _forecast(recipe, items, directory, pilot, train, as_json)
        return
    memory = None if gpu_memory is None else int(gpu_memory * GIB)
    host = with_gpus(Host() if gpus is not None and memory is not None else _host(), gpus, memory)
    models = ModelShapes(actor=_shape(recipe.models.actor), refiner=_shape(recipe.models.refiner))
    found = plan_of(recipe, models, host, prompt_tokens, items)
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        print_plan(found)
    if found.refusals:
        lines = [f"  {each.part} {each.what}. {each.fix}" for each in found.refusals]
        raise RecipeError(
            f"The recipe {found.recipe} does not fit:\n" + "\n".join(lines),
            "Change the recipe as listed, or plan for another host.",
        )


def _unfinished(name: str, overrides: Sequence[str]) -> Recipe:
    found = recipe_to_plan(name, overrides)
    if found.missing:
        options = " ".join(f"--set {dotted(keys)}=VALUE" for keys in found.missing)
        print_warning(f"this recipe is incomplete; benchmarks without data are not planned: give {options}")
    return found.recipe


def _forecast(
    recipe: Recipe, items: Mapping[str, ItemCounts], directory: Path | None, pilot: int, train: bool, as_json: bool
) -> None:
    from spar.cli import forecasting
    from spar.embedded.homes import RUNS
    from spar.embedded.installed import require_packages

    require_packages(recipe)
    home = directory or RUNS / recipe.name
    found = forecasting.forecast_of(recipe, items, home, pilot, train)
    if as_json:
        typer.echo(json.dumps(forecasting.as_json(found), indent=2))
        return
    forecasting.print_forecast(found, _models_on_disk(recipe, items))


def _models_on_disk(recipe: Recipe, items: Mapping[str, ItemCounts]) -> str:
    try:
        models = ModelShapes(actor=_shape(recipe.models.actor), refiner=_shape(recipe.models.refiner))
    except ModelUnusable as error:  # it could still be run; only its size is unknown
        return f"; models: unknown ({error.what})"
    disk = plan_of(recipe, models, Host(), items=items).disk
    return f"; models and checkpoints: at most {gib(disk.total - disk.texts)} GiB"


def _shape(reference: str) -> Shape | None:
    kind, _, rest = reference.partition(":")
    if kind == "served":
        return None
    if kind == "hub":
        return shape_of(config_on_hub(rest), reference)
    if kind == "builtin":
        from spar.worlds.story.builtin import builtin_model

        return shape_of(config_in(builtin_model(rest)), reference)
    return shape_of(config_in(Path(reference)), reference)


def _host() -> Host:
    """The GPUs that nvidia-smi lists, with the smallest memory if they differ; unknown without nvidia-smi."""
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        reply = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_SMI_S, check=True).stdout
        sizes = [int(line) * _MIB for line in reply.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return Host()  # the plan notes that no GPU was found
    return Host(gpus=len(sizes), gpu_memory=min(sizes)) if sizes else Host()


def _as_json(found: Plan) -> dict[str, Any]:
    data = asdict(found)
    for need, source in zip(data["needs"], found.needs, strict=True):
        need["memory"]["total"] = source.memory.total
    return data


def priced(recipe: Recipe, given: Sequence[str]) -> PriceSettings:
    """The recipe's prices overridden by such as `prompt=0.15 teacher-completion=0.6 hour=2.5`. Raises RecipeError."""
    price = recipe.budget.price
    own: dict[str, float] = {}
    teacher: dict[str, float] = {}
    for text in given:
        name, _, value = text.partition("=")
        of_teacher = name.startswith(TEACHER)
        key = PRICES.get(name.removeprefix(TEACHER))
        number = parse_value(value)
        known = key is not None and not (of_teacher and key == "hour")
        if not known or isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
            raise RecipeError(
                f"--price {text} is not a price.",
                "Write prompt=X or completion=X (per million tokens), either with the prefix teacher-, or hour=X (all "
                "machines together).",
            )
        (teacher if of_teacher else own)[str(key)] = float(number)
    changes: dict[str, object] = {**own}
    if teacher:
        # A teacher's price that is not given keeps its value: by default, that of all other calls.
        before = price.model_copy(update=own) if price.teacher is None else price.teacher
        rates = {"prompt_million": before.prompt_million, "completion_million": before.completion_million}
        changes["teacher"] = CallPrice(**{**rates, **teacher})
    return price.model_copy(update=changes)


def with_prices(recipe: Recipe, given: Sequence[str]) -> Recipe:
    return recipe.model_copy(update={"budget": recipe.budget.model_copy(update={"price": priced(recipe, given)})})
