"""The metric `code_eval`, run in the sandbox; lm-eval finds it by its name in the folder where `spar eval general`
starts it.

It replaces the hub's metric of that name, which confines nothing. A copy of it runs in lm-eval's process; knows nothing
of what the programs are to do.
"""

from collections.abc import Sequence
from math import comb
from typing import Any

import datasets
import evaluate  # type: ignore[import-untyped]

from spar.experiments.lm_eval.sandboxed import PASSED, run_programs


class CodeEval(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
    """pass@k: how often at least one of k programs, drawn from those written for a task, passes its test."""

    def _info(self) -> Any:
        features = {"predictions": datasets.Sequence(datasets.Value("string")), "references": datasets.Value("string")}
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=datasets.Features(features)
        )

    def compute(
        self, *, predictions: Sequence[Sequence[str]], references: Sequence[str], k: Sequence[int] = (1,)
    ) -> tuple[dict[str, float], list[list[str]]]:
        """`references` are the tests, one a task; `predictions` the programs for it."""
        results = [
            run_programs([f"{program}\n{test}" for program in programs])
            for programs, test in zip(predictions, references, strict=True)
        ]
        counts = [(len(each), each.count(PASSED)) for each in results]
        rates = {f"pass@{n}": sum(1 - comb(all_ - right, n) / comb(all_, n) for all_, right in counts) for n in k}
        return {name: total / len(counts) for name, total in rates.items()}, results
