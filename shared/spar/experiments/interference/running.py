"""A whole experiment over its seeds, kept as it goes: a seed that is there with the same settings is not run again.

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
"""Raised when the same settings would give other numbers: seeds of before are then run again."""

Tell = Callable[[str], None]
RunSeed = Callable[[str, ExperimentSettings, int, Tell], SeedResult]


def run_seed(name: str, settings: ExperimentSettings, seed: int, tell: Tell) -> SeedResult:
    """One seed, with real models and real trainings. Raises TrainingError."""
    from spar.experiments.interference.experiment import Experiment
    from spar.experiments.interference.learning import one_thread
    from spar.training.environment import ignored_variables

    if ignored := ignored_variables():
        tell(f"not used for these trainings: {', '.join(ignored)}")
    with one_thread():
        return Experiment(TASKS[name], settings, tell).run(seed)


def run_experiment(
    name: str, settings: ExperimentSettings, seeds: Sequence[int], folder: Path, tell: Tell, run: RunSeed = run_seed
) -> ExperimentResult:
    """Run the seeds that are missing, writing after each. Raises TrainingError, StoreError, and DataError for a file of
    that name that is something else."""
    path = folder / f"synthetic-{name}.json"
    result = _begun(path, name, settings)
    for seed in seeds:
        if any(each.seed == seed for each in result.seeds):
            tell(f"seed {seed}: is there already")
            continue
        began = time.monotonic()
        found = run(name, settings, seed, tell)
        seconds = result.seconds + time.monotonic() - began
        result = replace(result, seconds=seconds, seeds=(*result.seeds, found))
        _write(path, json.dumps(result_json(result), indent=1) + "\n")
    by_seed = {each.seed: each for each in result.seeds}
    asked = replace(result, seeds=tuple(by_seed[seed] for seed in seeds))
    _write(path.with_suffix(".html"), render(asked))
    return asked


def _begun(path: Path, name: str, settings: ExperimentSettings) -> ExperimentResult:
    """What the folder has of this very experiment, or a blank one."""
    task = TASKS[name]
    asked = {"revision": REVISION, **settings.as_json()}
    blank = ExperimentResult(name, task.measures, asked, settings.parameters(len(task.words)), 0.0, ())
    if not path.is_file():
        return blank
    found = result_from_json(path)
    return found if found.settings == blank.settings else blank


def _write(path: Path, text: str) -> None:
    """Whole, or as it was before."""
    half = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise StoreError(f"Cannot write {path}: {error.strerror}.", "Free space, or choose another --out.") from error
