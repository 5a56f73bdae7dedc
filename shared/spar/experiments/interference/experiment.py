"""One seed of a synthetic experiment: its starting model, its pairs, and a training on each kind of pair.

Reads like the experiment. Both trainings of a seed start from the same model and have the same settings, order,
prompts, rejected responses and number of pairs; only the chosen responses differ. Loads torch.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from spar.errors import TrainingError
from spar.experiments.interference.learning import learn, quiet
from spar.experiments.interference.models import Sampler, load, make_model
from spar.experiments.interference.pairs import KINDS, Kind, PairSets, make_pairs
from spar.experiments.interference.results import CurvePoint, SeedResult
from spar.experiments.interference.settings import ExperimentSettings
from spar.experiments.interference.tasks.base import SyntheticTask
from spar.method.records import Example, ExampleKind, Message

SPARE = 1.25
"""Prompts sampled for each pair that is wanted: a few give none."""

LEAST_ACCURACY = 0.1
"""Accuracy below which a starting model has not learned the task: its pairs would compare nothing."""

ReportLine = Callable[[str], None]


class Experiment:
    """A task at a size. `report` receives lines about its progress."""

    def __init__(self, task: SyntheticTask, settings: ExperimentSettings, report: ReportLine) -> None:
        self._task, self._settings, self._report = task, settings, report
        self._held_out = task.prompts("heldout", settings.heldout, 0)  # the same for every seed

    def run(self, seed: int) -> SeedResult:
        with TemporaryDirectory(prefix="spar-synthetic-") as folder:
            start = self._teach(seed, Path(folder))
            sampler = Sampler(start)
            self._refuse_blank(seed, sampler, start)
            pairs = make_pairs(self._task, self._sampled(start, sampler, seed), self._settings.pairs)
            curves = {kind: self._learn(kind, pairs, start, sampler, seed, Path(folder)) for kind in KINDS}
        return SeedResult(seed=seed, pairs=len(pairs.refined), curves=curves)

    def _teach(self, seed: int, folder: Path) -> Path:
        """The starting model: random weights, fine-tuned on responses that are often wrong."""
        settings, rng = self._settings, random.Random(f"{self._task.name}:start:{seed}")
        prompts = self._task.prompts("train", settings.start_steps * settings.start_batch, seed)
        rows = [_example(prompt, self._task.first_response(prompt, rng)) for prompt in prompts]
        with quiet():
            blank = make_model(folder / "blank", self._task.words, settings.shape, seed)
        return learn(blank, rows, settings.sft(), seed, folder / "start")

    def _refuse_blank(self, seed: int, sampler: Sampler, start: Path) -> None:
        with quiet():
            accuracy = self._measured(sampler, load(start))[0]
        self._report(f"seed {seed}: the starting model is right {100 * accuracy:.1f}% of the time")
        if accuracy < LEAST_ACCURACY:
            raise TrainingError(
                f"The starting model of the {self._task.name} has not learned its task with seed {seed}.",
                "Teach it longer: --start-steps.",
            )

    def _sampled(self, start: Path, sampler: Sampler, seed: int) -> list[tuple[str, Sequence[str]]]:
        """Each prompt with its responses, as the starting model samples them."""
        settings = self._settings
        with quiet():
            model = load(start)
        prompts = self._task.prompts("train", round(SPARE * settings.pairs), seed + 1)
        rounds = [sampler.sample(model, prompts, self._task.longest, seed + n) for n in range(settings.samples)]
        return list(zip(prompts, zip(*rounds, strict=True), strict=True))

    def _learn(
        self, kind: Kind, pairs: PairSets, start: Path, sampler: Sampler, seed: int, folder: Path
    ) -> tuple[CurvePoint, ...]:
        points: list[CurvePoint] = []

        def look(step: int, model: Any) -> None:
            points.append(CurvePoint(step, self._measured(sampler, model)))

        learn(start, pairs.of(kind), self._settings.dpo(), seed, folder / kind, look, self._settings.every)
        ends = zip(self._task.measures, points[0].values, points[-1].values, strict=True)
        changes = ", ".join(f"{name} {100 * before:.1f} -> {100 * after:.1f}%" for name, before, after in ends)
        self._report(f"seed {seed}: {len(pairs.refined)} {kind} pairs, {points[-1].step} steps: {changes}")
        return tuple(points)

    def _measured(self, sampler: Sampler, model: Any) -> tuple[float, ...]:
        responses = sampler.sample(model, self._held_out, self._task.longest, 0)
        found = [self._task.measure(*each) for each in zip(self._held_out, responses, strict=True)]
        return tuple(fmean(values) for values in zip(*found, strict=True))


def _example(prompt: str, response: str) -> Example:
    return Example("", ExampleKind.RESPONSE, (Message("user", prompt), Message("assistant", response)))
