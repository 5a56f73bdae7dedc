"""A whole experiment over its seeds, stored after each: a stored seed with the same settings is not run again.

Writes `synthetic-TASK.json` and its page into a folder, and nothing else. Libraries are loaded when a seed is run.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from spar.errors import StoreError
from spar.experiments.interference.page import render
from spar.experiments.interference.results import ExperimentResult, SeedResult, result_from_json, result_json
from spar.experiments.interference.settings import ExperimentSettings
from spar.experiments.interference.tasks import TASKS

REVISION = 1
"""Incremented when the same settings would give other numbers: earlier seeds are then run again."""

ReportLine = Callable[[str], None]
RunSeed = Callable[[str, ExperimentSettings, int, ReportLine], SeedResult]


def run_seed(name: str, settings: ExperimentSettings, seed: int, report: ReportLine) -> SeedResult:
    """One seed, with real models and real trainings. Raises TrainingError."""
    from spar.experiments.interference.experiment import Experiment
    from spar.experiments.interference.learning import one_thread
    from spar.training.environment import ignored_variables

    if ignored := ignored_variables():
        report(f"not used for these trainings: {', '.join(ignored)}")
    with one_thread():
        return Experiment(TASKS[name], settings, report).run(seed)


def run_experiment(
    name: str,
    settings: ExperimentSettings,
    seeds: Sequence[int],
    folder: Path,
    report: ReportLine,
    run: RunSeed = run_seed,
) -> ExperimentResult:
    """Run the missing seeds, writing after each. Raises TrainingError, StoreError, and DataError for another file of
    that name."""
    path = folder / f"synthetic-{name}.json"
    result = _begun(path, name, settings)
    for seed in seeds:
        if any(each.seed == seed for each in result.seeds):
            report(f"seed {seed}: stored already")
            continue
        began = time.monotonic()
        found = run(name, settings, seed, report)
        seconds = result.seconds + time.monotonic() - began
        result = replace(result, seconds=seconds, seeds=(*result.seeds, found))
        _write(path, json.dumps(result_json(result), indent=1) + "\n")
    by_seed = {each.seed: each for each in result.seeds}
    chosen = replace(result, seeds=tuple(by_seed[seed] for seed in seeds))
    _write(path.with_suffix(".html"), render(chosen))
    return chosen


def _begun(path: Path, name: str, settings: ExperimentSettings) -> ExperimentResult:
    """The folder's result of this experiment, or an empty one."""
    task = TASKS[name]
    wanted = {"revision": REVISION, **settings.as_json()}
    blank = ExperimentResult(name, task.measures, wanted, settings.parameters(len(task.words)), 0.0, ())
    if not path.is_file():
        return blank
    found = result_from_json(path)
    return found if found.settings == blank.settings else blank


def _write(path: Path, text: str) -> None:
    """Write atomically."""
    half = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror}.", "Free space, or choose another --out.") from error
