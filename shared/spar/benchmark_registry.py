"""The benchmarks there are, by name: ours, each by its folder being there, and third parties' by entry points.

A folder of `spar.evaluation.benchmarks` is one if its package has a `BENCHMARK`. Records are found by name, as engines
are, so that recipes can name benchmarks without knowing how they are measured.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import MappingProxyType

from spar.benchmark_records import Benchmark
from spar.errors import DataError

GROUP = "spar.benchmarks"
"""Entry points of third parties, each a `Benchmark`."""
_OURS = "spar.evaluation.benchmarks"


def find_benchmarks() -> Mapping[str, Benchmark]:
    """By name, in the order of their positions. Raises DataError where two have one name."""
    found: dict[str, Benchmark] = {}
    for record in sorted((*_ours(), *_third_parties()), key=lambda each: (each.position, each.name)):
        if record.name in found:
            raise DataError(
                f"Two installed benchmarks are called '{record.name}'.", f"Rename one among the entry points {GROUP}."
            )
        found[record.name] = record
    return MappingProxyType(found)


def _ours() -> Iterator[Benchmark]:
    for module in iter_modules(import_module(_OURS).__path__):
        if module.ispkg:
            yield import_module(f"{_OURS}.{module.name}").BENCHMARK


def _third_parties() -> Iterator[Benchmark]:
    for entry in entry_points(group=GROUP):
        yield entry.load()


BENCHMARKS = find_benchmarks()
"""All of them."""


def benchmark(name: str) -> Benchmark:
    """Raises DataError for a name that is no benchmark's."""
    if name not in BENCHMARKS:
        raise DataError(f"There is no benchmark '{name}'.", f"Choose one of: {', '.join(BENCHMARKS)}, general.")
    return BENCHMARKS[name]
