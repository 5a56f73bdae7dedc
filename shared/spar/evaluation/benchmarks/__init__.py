"""Public benchmarks, scored from a file of responses or judgments: no model is asked here, no engine known.

`BENCHMARKS` is the table of names. A benchmark's module is loaded when it is scored.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from spar.evaluation.benchmarks.report import BenchmarkReport


class Scoring(Protocol):
    """Score a file against a benchmark's data. With `partial`, items without a row are left out, not refused."""

    def __call__(self, answers: Path, data: Path, partial: bool = False) -> BenchmarkReport: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The fields of a row, what `--data` names, and the module that scores."""

    row: str
    data: str
    module: str

    def score(self, answers: Path, data: Path, partial: bool = False) -> BenchmarkReport:
        scoring: Scoring = import_module(f"{__name__}.{self.module}").score
        return scoring(answers, data, partial)


BENCHMARKS: Mapping[str, Benchmark] = {
    "ifeval": Benchmark(row="key, response", data="input_data.jsonl or its folder", module="ifeval"),
    "llmbar": Benchmark(
        row="subset, index, output, reply (or replies: their majority counts)",
        data="the folder of Natural/ and Adversarial/",
        module="llmbar",
    ),
    "followbench": Benchmark(
        row="group, example_id, level, response, reply",
        data="the folder of the six *_constraints.json",
        module="followbench",
    ),
    "refinement": Benchmark(
        row="item, refined, self, judge", data="rows of {prompt, response}, or world:story", module="refinement"
    ),
    "story": Benchmark(row="measure, prompt, reply, given", data="world:story", module="story"),
}
