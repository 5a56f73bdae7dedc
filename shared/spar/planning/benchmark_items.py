"""How many items a recipe's benchmarks have: read from their data, the limits applied. Requests and scores nothing."""

from pathlib import Path

from spar.benchmark_registry import BENCHMARKS
from spar.evaluation.benchmarks.driver import ItemCounts, driver_of
from spar.planning.general import general_items
from spar.recipes.benchmarks import planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.models import Recipe


def benchmark_items(recipe: Recipe) -> dict[str, ItemCounts]:
    """By benchmark; of those that lm-eval requests, by measurement. Raises DataError for data that cannot be read."""
    found = {
        name: driver_of(BENCHMARKS[name]).count(Path(settings.data), settings.limit)
        for name, settings in planned(recipe.evaluation).items()
    }
    general = general_of(recipe.evaluation)
    if general is not None:
        found |= {f"{GENERAL}:{task}": ItemCounts(items=number) for task, number in general_items(general)}
    return found
