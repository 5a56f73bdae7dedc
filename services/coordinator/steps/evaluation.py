"""Which measurements an evaluation of one part takes: the suite, the benchmarks, and ratings by the last refiner."""

from collections.abc import Iterator

from services.coordinator.steps import measurements
from services.coordinator.steps.context import RunContext
from spar.messages.evaluation import Evaluate, Part
from spar.recipes import init

Measurement = tuple[int, str, Evaluate]
"""The iteration whose model it measures, its name, and its message."""


def measurements_of(run: RunContext, index: int, part: Part) -> Iterator[Measurement]:
    """Of a part as it is after an iteration; one before the run's first means the models that the recipe names."""
    if part == "pairs":
        if measurements.measures_suite(run):
            yield index, part, measurements.audit(run, index)
        return
    actor, refiner = _models_after(run, index)
    model = actor if part == "actor" else refiner
    if measurements.measures_suite(run):
        yield index, part, measurements.suite(run, part, run.ledger.model(model) if model else None)
    if model is None:
        return
    searching = run.ledger.model(run.fingerprint(refiner))
    for name, message in measurements.benchmarks(run, part, run.ledger.model(model), searching).items():
        yield index, name, message
    if part == "refiner" and index == run.recipe.iterations:
        yield from _ratings(run, index, model)


def _models_after(run: RunContext, index: int) -> tuple[str | None, str | None]:
    if index < init.first_iteration(run.recipe):
        return run.fingerprint(run.recipe.models.actor), run.fingerprint(run.recipe.models.refiner)
    iteration = run.iteration(index)
    return iteration.actor_after, iteration.refiner_after


def _ratings(run: RunContext, last: int, rater: str) -> Iterator[Measurement]:
    """The paper's Table 3 has every refiner's work rated by the last one; that one's own rating is there."""
    for index in range(init.FIRST - 1, last):
        model = run.fingerprint(_models_after(run, index)[1])
        if model != rater:
            for name, message in measurements.rated_by(run, run.ledger.model(rater), run.ledger.model(model)).items():
                yield index, name, message
