"""How many items a recipe's benchmarks have: read from their data, the limits applied. Asks and scores nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path

from spar.evaluation.asking import followbench as asking_followbench
from spar.evaluation.benchmarks import followbench, ifeval, llmbar, negatives
from spar.evaluation.benchmarks.rows import read_bytes
from spar.planning.general import general_items
from spar.planning.measuring import Items
from spar.recipes.benchmarks import planned
from spar.recipes.general import GENERAL, general_of
from spar.recipes.models import Recipe


def benchmark_items(recipe: Recipe) -> dict[str, Items]:
    """By benchmark; of those that lm-eval asks, by measurement. Raises DataError for data that cannot be read."""
    found = {name: _COUNTS[name](Path(each.data), each.limit) for name, each in planned(recipe.evaluation).items()}
    general = general_of(recipe.evaluation)
    if general is not None:
        found |= {f"{GENERAL}:{task}": Items(items=number) for task, number in general_items(general)}
    return found


def _ifeval(data: Path, limit: int | None) -> Items:
    return _rows(data / ifeval.FILE if data.is_dir() else data, limit)


def _followbench(data: Path, limit: int | None) -> Items:
    tasks, _ = followbench.read_tasks(data)
    chosen = asking_followbench.first_examples(list(tasks.values()), limit)
    return Items(items=len(chosen), judged=sum(task.judged for task in chosen))


def _llmbar(data: Path, limit: int | None) -> Items:
    pairs, _ = llmbar.read_pairs(data)
    return Items(items=2 * sum(len(listed[:limit]) for listed in pairs.values()))


def _refinement(data: Path, limit: int | None) -> Items:
    if str(data) == negatives.WORLD:
        return _limited(negatives.WORLD_ITEMS, limit)
    return _rows(data, limit)


def _rows(file: Path, limit: int | None) -> Items:
    """A row an item: what is in it, its checkers say when it is scored."""
    return _limited(sum(bool(line.strip()) for line in read_bytes(file).splitlines()), limit)


def _limited(number: int, limit: int | None) -> Items:
    items = number if limit is None else min(number, limit)
    return Items(items=items, judged=items)


_COUNTS: Mapping[str, Callable[[Path, int | None], Items]] = {
    "ifeval": _ifeval,
    "followbench": _followbench,
    "llmbar": _llmbar,
    "refinement": _refinement,
}
